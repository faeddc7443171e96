/** What the nodes of a graph do in a run, and which edges it takes: all that lights the drawing. */
import type { AiMessage, Item, Run, StepItem } from "../../state";
import { Execution, type NodeRun } from "./execution";
import { allNodes, END, idOf, START, within, type Level } from "./levels";
import { costIn, sumOf, writtenIn, type Cost } from "./usage";

/** waiting: for an answer, or at a breakpoint; stopped: it was at work when the run was cancelled, or failed. */
export type NodeState = "idle" | "running" | "done" | "waiting" | "failed" | "stopped";

export interface Activity {
  readonly state: NodeState;
  /** How many runs of it are at work. */
  readonly running: number;
  /** It is at work as far as the edges tell: no event of it has come yet. */
  readonly isPresumed: boolean;
  /** Its runs, those at work too, in the order in which they began. */
  readonly runs: readonly NodeRun[];
  readonly cost: Cost | null;
  readonly models: readonly string[];
}

/** nodes by their ids, edges by their keys. */
export interface Work {
  readonly nodes: ReadonlyMap<string, Activity>;
  readonly taken: ReadonlySet<string>;
}

export const IDLE: Activity = {
  state: "idle",
  running: 0,
  isPresumed: false,
  runs: [],
  cost: null,
  models: [],
};

/** Returns what a run has done on a graph so far. isFresh: it begins at the graph's start. */
export function workOf(run: Run, graph: Level, isFresh = true): Work {
  const replay = new Replay(run, graph, isFresh && run.attempt < 2);
  run.items.forEach((item) => replay.add(item));
  return replay.work();
}

type Found = { -readonly [K in keyof Activity]: Activity[K] };

/** A namespace without the numbers that LangGraph puts between the calls of a sub-graph by one node. */
const tasksOf = (namespace: readonly string[]) => namespace.filter((each) => each.includes(":"));
const nameIn = (task: string): string => task.slice(0, task.indexOf(":"));

class Replay {
  private readonly levels = new Map<string, Level>();
  private readonly executions = new Map<string, Execution>();
  private readonly paths = new Map<string, string>();
  private readonly costs = new Map<string, Cost | null>();
  private readonly models = new Map<string, Set<string>>();
  private readonly counted = new Set<string>();
  /** What a step says of the messages in it, by their ids: their costs, and with which others a node has written it. */
  private readonly costOf = new Map<string, Cost>();
  private readonly together = new Map<string, readonly string[]>();
  private readonly called = new Set<string>();

  constructor(
    private readonly run: Run,
    graph: Level,
    private readonly isFresh: boolean,
  ) {
    this.levels.set("", graph);
    for (const node of allNodes(graph)) if (node.inner) this.levels.set(node.id, node.inner);
    this.execution([], "");
    run.items.forEach((item) => this.prepare(item));
  }

  private prepare(item: Item): void {
    if (item.type === "step") {
      const written = writtenIn(item);
      const ids = written.map((each) => each.id);
      for (const { id, cost } of written) {
        if (id && cost && !this.costOf.has(id)) this.costOf.set(id, cost);
        this.together.set(writing(id, item), ids);
      }
    } else if (item.type === "message") {
      if (item.path.length) this.counted.add(item.id);
      for (const call of item.calls) if (call.status === "called") this.called.add(call.name);
    }
  }

  add(item: Item): void {
    if (item.type === "message" && item.path.length) this.begin(item);
    if (item.type === "step" && !item.path.at(-1)?.startsWith("__")) this.end(item);
  }

  work(): Work {
    const { status } = this.run;
    if (status === "finished") this.execution([], "").finish();
    const nodes = new Map<string, Found>();
    for (const [key, execution] of this.executions) {
      const level = this.paths.get(key) ?? "";
      for (const [name, runs] of execution.runs) addRuns(nodes, within(level, name), runs);
    }
    if (status !== "finished" && status !== "queued") this.presume(nodes, "", "");
    const working = [...nodes.keys()].filter((id) => nodes.get(id)?.running);
    const state = stateOf(this.run, working);
    for (const [id, each] of nodes) Object.assign(each, this.summary(id, each.running > 0 ? state : "done"));
    return { nodes, taken: new Set([...this.executions.values()].flatMap((each) => [...each.taken])) };
  }

  private summary(id: string, state: NodeState): Partial<Activity> {
    return { state, cost: this.costs.get(id) ?? null, models: [...(this.models.get(id) ?? [])] };
  }

  private begin(message: AiMessage): void {
    const { id, namespace, path, model, calls, isRetracted, usage } = message;
    const tasks = this.enter(namespace, [id]);
    const name = path.at(-1) ?? "";
    const level = this.levelOf(tasks);
    const isSent = this.levels
      .get(level)
      ?.edges.some((edge) => edge.target === within(level, name) && edge.isConditional);
    const isParallel = Boolean(isSent) && !isRetracted && !calls.length;
    const marks = this.together.get(writing(id, message)) ?? [id];
    this.execution(namespace, level).begin(name, marks, isParallel);
    const own = [...tasks.map(nameIn), name];
    this.spend(own, this.costOf.get(id) ?? costIn(usage));
    if (model) this.models.set(idOf(own), new Set([...(this.models.get(idOf(own)) ?? []), model]));
  }

  private end(step: StepItem): void {
    const { namespace, path, values, at } = step;
    const written = writtenIn(step);
    const ids = written.map((each) => each.id).filter(Boolean);
    const tasks = this.enter(namespace, ids);
    const name = path.at(-1) ?? "";
    const execution = this.execution(namespace, this.levelOf(tasks));
    const marks = execution.end(name, new Set(ids), values, at);
    for (const [key, inner] of this.executions) {
      const isOwn = [...marks].some((mark) => key.split("|").includes(mark));
      if (isOwn) inner.finish();
    }
    for (const { id, cost } of written) {
      if (!cost || this.counted.has(id)) continue;
      if (id) this.counted.add(id);
      this.spend([...tasks.map(nameIn), name], cost);
    }
  }

  /** The nodes around are at work. */
  private enter(namespace: readonly string[], ids: readonly string[]): readonly string[] {
    namespace.forEach((task, depth) => {
      if (!task.includes(":")) return;
      const around = namespace.slice(0, depth);
      this.execution(around, this.levelOf(tasksOf(around))).begin(nameIn(task), [task, ...ids], true);
    });
    return tasksOf(namespace);
  }

  private levelOf(tasks: readonly string[]): string {
    return idOf(tasks.map(nameIn));
  }

  private execution(namespace: readonly string[], level: string): Execution {
    const key = namespace.join("|");
    const known = this.executions.get(key);
    if (known) return known;
    const { startedAt } = this.run;
    const isFresh = namespace.length > 0 || this.isFresh;
    const around = this.executions.get(namespace.slice(0, -1).join("|"));
    const made = new Execution(
      this.levels.get(level) ?? null,
      namespace.length ? (around?.startOf(namespace.at(-1) ?? "") ?? null) : startedAt,
      isFresh,
    );
    this.executions.set(key, made);
    this.paths.set(key, level);
    return made;
  }

  /** Lights the nodes that must be at work, though nothing has come from them. */
  private presume(nodes: Map<string, Found>, key: string, level: string): void {
    const execution = this.executions.get(key);
    if (!execution) return;
    for (const name of execution.expected(this.called)) this.light(nodes, within(level, name));
    const around = key && `${key}|`;
    for (const inner of this.executions.keys()) {
      if (inner === key || !inner.startsWith(around)) continue;
      const task = inner.slice(around.length);
      if (execution.isOpen(task)) this.presume(nodes, inner, within(level, nameIn(task)));
    }
  }

  private light(nodes: Map<string, Found>, id: string): void {
    const before = nodes.get(id) ?? { ...IDLE };
    const isPresumed = this.run.status === "running";
    nodes.set(id, { ...before, running: before.running + 1, isPresumed });
    const inner = this.levels.get(id);
    for (const edge of inner?.edges ?? []) {
      if (edge.source === within(id, START) && edge.target !== within(id, END) && !edge.isConditional) {
        this.light(nodes, edge.target);
      }
    }
  }

  /** Counts what a message has cost for its node, and for those around it. */
  private spend(path: readonly string[], cost: Cost | null): void {
    path.forEach((_, depth) => {
      const id = idOf(path.slice(0, depth + 1));
      this.costs.set(id, sumOf(this.costs.get(id) ?? null, cost));
    });
  }
}

const writing = (id: string, { namespace, path }: AiMessage | StepItem): string =>
  [...namespace, path.at(-1), id].join("|");

function addRuns(nodes: Map<string, Found>, id: string, runs: readonly NodeRun[]): void {
  const before = nodes.get(id) ?? { ...IDLE };
  const running = runs.filter((each) => each.isOpen).length;
  nodes.set(id, { ...before, running: before.running + running, runs: [...before.runs, ...runs] });
}

/** Returns the state of what is at work in a run. working: the ids; a failure is one node's, if it is alone. */
function stateOf(run: Run, working: readonly string[]): NodeState {
  switch (run.status) {
    case "failed":
      return working.filter((id) => !working.some((each) => each.startsWith(`${id}:`))).length === 1
        ? "failed"
        : "stopped";
    case "interrupted":
      return "waiting";
    case "cancelled":
      return "stopped";
    default:
      return "running";
  }
}
