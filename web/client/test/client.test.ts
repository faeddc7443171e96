import { expect, test } from "vitest";
import { Client, StreamCutOff, type RunEvent } from "../src/index.ts";

type Answer = (request: { url: string; after: string | undefined; signal: AbortSignal }) => Response;

/** Returns a client whose requests get these answers, one after the other, and what it has asked. */
function clientOf(answers: Answer[], options: { silenceMs?: number; patienceMs?: number } = {}) {
  const asked: { url: string; after: string | undefined }[] = [];
  const fetch = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const after = (init?.headers as Record<string, string>)["last-event-id"];
    asked.push({ url: String(url), after });
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("fetch failed");
    return answer({ url: String(url), after, signal: init?.signal as AbortSignal });
  };
  return { client: new Client("http://h", { fetch, ...options }), asked };
}

const token = (seq: number) =>
  `id: 1-${seq}\nevent: token\ndata: {"message_id":"m","text":"${seq}","channel":"answer"}\n\n`;
const LAST = (seq: number) => `id: 1-${seq}\nevent: finished\ndata: {"usage":null,"duration_ms":1}\n\n`;

/** A stream that has this text, and then ends, breaks, or stays silent until it is given up. */
function stream(text: string, then: "end" | "break" | "silence" = "end"): Answer {
  return ({ signal }) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(text));
        if (then === "end") controller.close();
        if (then === "silence") signal.addEventListener("abort", () => controller.error(signal.reason));
      },
      pull(controller) {
        if (then === "break") controller.error(new TypeError("terminated"));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
  };
}

const problem =
  (status: number, code: string): Answer =>
  () =>
    Response.json({ code, detail: code }, { status });

async function read(client: Client, onLost: (reason: string) => void = () => undefined): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of client.follow("g", "r", { onLost })) ids.push((event as RunEvent).id);
  return ids;
}

const WHOLE = ["1-1", "1-2", "1-3", "1-4"];

test("a silent connection is replaced, from the last event on", async () => {
  const { client, asked } = clientOf(
    [stream(token(1) + token(2), "silence"), stream(token(2) + token(3) + LAST(4))],
    { silenceMs: 30 },
  );
  const lost: string[] = [];

  expect(await read(client, (reason) => lost.push(reason))).toEqual(WHOLE);
  expect(asked.map((each) => each.after)).toEqual([undefined, "1-2"]);
  expect(lost).toEqual(["the server is silent"]);
});

test.each<[string, Answer[]]>([
  ["broken in mid-frame", [stream(token(1) + token(2).slice(0, 30), "break")]],
  ["ended early", [stream(token(1) + token(2))]],
  [
    "drained by a server that is restarted",
    [stream(`${token(1)}event: draining\ndata: {"retry_after_ms":1}\n\n`)],
  ],
  ["refused for a while", [problem(503, "not_open"), stream(token(1)), problem(502, "http_502")]],
  ["without an answer", [stream(token(1)), () => Promise.reject(new TypeError("fetch failed")) as never]],
])("a connection that is %s loses and doubles nothing", async (_name, answers) => {
  const { client } = clientOf([...answers, stream(token(1) + token(2) + token(3) + LAST(4))]);

  expect(await read(client)).toEqual(WHOLE);
});

test("events that have expired end it with the cursor to continue from", async () => {
  const { client } = clientOf([stream(token(1) + token(2)), problem(410, "stream_gap")]);

  const failure = await read(client).catch((error: unknown) => error);

  expect(failure).toBeInstanceOf(StreamCutOff);
  expect(failure).toMatchObject({ code: "stream_gap", runId: "r", cursor: "1-2" });
});

test("missing events are never passed over", async () => {
  const { client } = clientOf([stream(token(1) + token(3) + LAST(4))]);

  await expect(read(client)).rejects.toMatchObject({ code: "cut_off", cursor: "1-1" });
});

test("a server that stays away ends it when patience is exhausted", async () => {
  const { client } = clientOf([stream(token(1))], { patienceMs: 1 });

  await expect(read(client)).rejects.toMatchObject({ code: "cut_off", cursor: "1-1" });
});
