import { describe, expect, test } from "vitest";
import { workOf, type Activity, type Work } from "../../src/graph/model/activity";
import { timeOf } from "../../src/graph/model/format";
import { levelsOf } from "../../src/graph/model/levels";
import { reduce, QUEUED, type Run } from "../../src/state";
import type { Drawn } from "../../src/server/graph";
import { AGENT, FORK, NESTED } from "./drawn";

type Said = readonly [kind: string, data: Record<string, unknown>, at?: number];

const STARTED: Said = ["started", { graph: "g", run_id: "r", thread_id: "t", attempt: 1 }, 0];
const FINISHED: Said = ["finished", { usage: null, duration_ms: 9 }, 9_000];

const message = (id: string, node: string, namespace: readonly string[] = [], at = 0): Said => [
  "message",
  { message_id: id, node, namespace, model: "m-1", held: false },
  at,
];
const update = (node: string, at: number, values: unknown = {}, namespace: readonly string[] = []): Said => [
  "update",
  { node, namespace, values },
  at,
];
const written = (id: string, tokens: number): Record<string, unknown> => ({
  type: "ai",
  id,
  usage_metadata: { input_tokens: tokens, output_tokens: 1, total_tokens: tokens + 1 },
});

function runOf(...events: readonly Said[]): Run {
  return [STARTED, ...events].reduce(
    (run, [kind, data, at], index) =>
      reduce(run, { id: `1-${index + 1}`, attempt: 1, seq: index + 1, kind, data }, at ?? null),
    QUEUED,
  );
}

const workOn = (drawn: Drawn, ...events: readonly Said[]): Work => workOf(runOf(...events), levelsOf(drawn));

function states({ nodes }: Work): Record<string, string> {
  return Object.fromEntries(
    [...nodes].map(([id, { state, isPresumed }]) => [id, isPresumed ? `${state}?` : state]),
  );
}

const of = (work: Work, id: string): Activity => work.nodes.get(id) as Activity;

describe("a node at work", () => {
  test("is lit from its model's first word on, until it has written", () => {
    expect(states(workOn(AGENT, message("1", "agent")))).toEqual({ agent: "running" });
    expect(states(workOn(AGENT, message("1", "agent"), update("agent", 5), FINISHED))).toEqual({
      agent: "done",
    });
  });

  test("is presumed where it follows from the edges: nothing comes from a node without a model", () => {
    expect(states(workOn(AGENT))).toEqual({ agent: "running?" });
    expect(states(workOn(FORK))).toEqual({ left: "running?", right: "running?" });
    expect(states(workOn(FORK, update("left", 1)))).toEqual({ left: "done", right: "running?" });
  });

  test("of a run that answers a question isn't presumed at the start", () => {
    expect(states(workOf(runOf(), levelsOf(AGENT), false))).toEqual({});
  });

  test("that waits for others isn't presumed before they have ended", () => {
    const both = [update("left", 1), update("right", 2)];

    expect(states(workOn(FORK, ...both))).toEqual({ left: "done", right: "done", more: "running?" });
    expect(states(workOn(FORK, ...both, update("more", 3)))).toMatchObject({ join: "running?" });
  });

  test("is the one that has the tool, after a call of it", () => {
    const call: Said = ["tool_call", { message_id: "1", index: 0, call_id: "c", name: "add", args: "{}" }];
    const asked = [message("1", "agent"), call, update("agent", 2, { messages: [{ type: "ai", id: "1" }] })];

    expect(states(workOn(AGENT, ...asked))).toEqual({ agent: "done", tools: "running?" });
    expect(states(workOn(AGENT, message("1", "agent"), update("agent", 2)))).toEqual({ agent: "done" });
    expect(states(workOn(AGENT, ...asked, update("tools", 3)))).toEqual({ tools: "done", agent: "running?" });
  });

  test.each([
    ["failed", { code: "graph_error", message: "it broke", retryable: false, retry_after_s: null }, "failed"],
    ["cancelled", {}, "stopped"],
    ["interrupted", { interrupts: [{ id: "i", value: "?" }] }, "waiting"],
  ])("of a run that is %s is marked so", (kind, data, state) => {
    expect(states(workOn(AGENT, message("1", "agent"), [kind, data, 3]))).toEqual({ agent: state });
  });

  test("isn't blamed for a failure that may be another's", () => {
    const failed: Said = [
      "failed",
      { code: "graph_error", message: "", retryable: false, retry_after_s: null },
    ];

    expect(states(workOn(FORK, failed))).toEqual({ left: "stopped", right: "stopped" });
  });
});

describe("a sub-graph", () => {
  const task = ["research:1"];
  const deeper = ["research:1", "find:2"];

  test("is lit with what is at work in it, however deep", () => {
    const work = workOn(NESTED, update("plan", 1, {}, task), message("1", "look", deeper));

    expect(states(work)).toEqual({
      research: "running",
      "research:plan": "done",
      "research:find": "running",
      "research:find:look": "running",
    });
  });

  test("is presumed with its first nodes", () => {
    expect(states(workOn(NESTED))).toEqual({ research: "running?", "research:plan": "running?" });
  });

  test("that can't be drawn lights the node that calls it", () => {
    const work = workOn(AGENT, message("1", "inner", ["agent:1"]), update("inner", 2, {}, ["agent:1"]));

    expect(of(work, "agent").state).toBe("running");
  });

  test("that a node calls twice is one run of the node", () => {
    const calls = [update("inner", 1, {}, ["agent:1"]), update("inner", 2, {}, ["agent:1", "1"])];

    expect(of(workOn(AGENT, ...calls), "agent").running).toBe(1);
  });

  test("that runs several times at once is counted, and so is what is at work in it", () => {
    const begun = ["a", "b", "c"].map((id) => message(id, "plan", [`research:${id}`]));
    const work = workOn(NESTED, ...begun, update("plan", 4, {}, ["research:b"]));

    expect(of(work, "research").running).toBe(3);
    expect(of(work, "research:plan").running).toBe(2);
    expect(of(workOn(NESTED, ...begun, update("research", 5)), "research").running).toBe(2);
  });
});

test("a node that was sent to several times is counted by its models' messages", () => {
  const drawn: Drawn = {
    nodes: ["__start__", "joke", "best", "__end__"].map((id) => ({ id, type: "runnable" })),
    edges: [
      { source: "__start__", target: "joke", conditional: true },
      { source: "joke", target: "best" },
      { source: "best", target: "__end__" },
    ],
  };
  const begun = [message("1", "joke"), message("2", "joke"), message("3", "joke")];
  const ended = update("joke", 5, { messages: [{ type: "ai", id: "2" }] });

  expect(of(workOn(drawn, ...begun), "joke").running).toBe(3);
  const one = of(workOn(drawn, ...begun, ended), "joke");
  expect([one.running, one.runs.map((run) => run.isOpen)]).toEqual([2, [true, false, true]]);
});

test("messages that a node returns together are one run of it, streamed or not", () => {
  const drawn: Drawn = {
    nodes: ["__start__", "joke", "best", "__end__"].map((id) => ({ id, type: "runnable" })),
    edges: [{ source: "__start__", target: "joke", conditional: true }],
  };
  const jokes = ["1", "2"].map((id) => ({ type: "ai", id, content: `joke ${id}` }));
  const work = workOn(drawn, update("joke", 1, { messages: [{ type: "human", id: "h" }, ...jokes] }));

  expect([of(work, "joke").running, of(work, "joke").runs.length]).toEqual([0, 1]);
});

describe("edges", () => {
  test("are taken from one step to the next, and where a node has waited for several", () => {
    const run = [update("left", 1), update("right", 2), update("more", 3), update("join", 4), FINISHED];

    expect(workOn(FORK, ...run).taken).toEqual(new Set(levelsOf(FORK).edges.map((edge) => edge.key)));
    expect(workOn(FORK, update("left", 1)).taken).toEqual(new Set(["__start__ left"]));
  });

  test("of a branch that wasn't chosen aren't", () => {
    const { taken } = workOn(AGENT, update("agent", 1), FINISHED);

    expect([...taken].sort()).toEqual(["__start__ agent", "agent __end__"]);
  });

  test("of a loop are", () => {
    const { taken } = workOn(AGENT, update("agent", 1), update("tools", 2), update("agent", 3), FINISHED);

    expect(taken.size).toBe(4);
  });

  test("within a sub-graph are taken until it has ended", () => {
    const inner = [
      update("look", 1, {}, ["research:1", "find:2"]),
      update("read", 2, {}, ["research:1", "find:2"]),
    ];
    const { taken } = workOn(NESTED, ...inner, update("find", 3, {}, ["research:1"]));

    expect(taken).toContain("research:find:read research:find:__end__");
    expect(taken).not.toContain("research:find research:__end__");
  });
});

describe("time and tokens", () => {
  test("a node's time is from the end of the step before", () => {
    const work = workOn(AGENT, update("agent", 1_000), update("tools", 1_500), update("agent", 4_000));

    expect(timeOf(of(work, "agent"), null)).toBe(3_500);
    expect(timeOf(of(work, "tools"), null)).toBe(500);
  });

  test("what runs at once isn't added up", () => {
    const sent = ["a", "b"].map((id) => message(id, "plan", [`research:${id}`]));
    const work = workOn(NESTED, ...sent, update("research", 2_000), update("research", 3_000));

    expect(timeOf(of(work, "research"), null)).toBe(3_000);
  });

  test("a node at work is timed up to now, and without times there are none", () => {
    expect(timeOf(of(workOn(AGENT, message("1", "agent")), "agent"), 700)).toBe(700);
    expect(
      timeOf(
        of(workOn(AGENT, ["message", message("1", "agent")[1]], ["update", update("agent", 0)[1]]), "agent"),
        null,
      ),
    ).toBe(null);
  });

  test("a message is counted once, for the node that has made it and those around it", () => {
    const task = ["research:1"];
    const earlier = written("0", 1_000);
    const all = { messages: [earlier, { type: "human", id: "h" }, written("1", 10), written("2", 5)] };
    const work = workOn(
      NESTED,
      message("1", "plan", task),
      update("plan", 1, { messages: [written("1", 10)] }, task),
      update("research", 2, all),
    );

    expect(of(work, "research:plan").cost?.inputTokens).toBe(10);
    expect(of(work, "research").cost).toEqual({
      inputTokens: 15,
      outputTokens: 2,
      totalTokens: 17,
      money: null,
    });
    expect(of(work, "research:plan").models).toEqual(["m-1"]);
  });

  test("money is what the provider says", () => {
    const paid = { ...written("1", 10), response_metadata: { token_usage: { cost: 0.0125 } } };
    const work = workOn(
      AGENT,
      update("agent", 1, { messages: [paid] }),
      update("agent", 2, { messages: [written("2", 1)] }),
    );

    expect(of(work, "agent").cost?.money).toBe(0.0125);
  });
});

test("values of any shape are no trouble", () => {
  for (const values of [null, "text", 7, [], [null], { messages: null }, { messages: [[1], "x"] }]) {
    expect(of(workOn(AGENT, update("agent", 1, values)), "agent").runs.at(-1)?.values).toEqual(values);
  }
});
