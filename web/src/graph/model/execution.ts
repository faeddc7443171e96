/** One execution of a graph or sub-graph in a run: its nodes begin and end, in steps. */
import type { Json } from "@seltzer/client";
import { edgeKey, END, START, within, type Level, type LevelEdge } from "./levels";

/** One time that a node has run. A time is in milliseconds, null if unknown; values: what it has written. */
export interface NodeRun {
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly values: Json;
  readonly isOpen: boolean;
}

interface OpenRun {
  run: NodeRun;
  /** What tells it from others of the same node: the task of a sub-graph, or a message of its model. */
  readonly marks: Set<string>;
}

/**
 * Follows the nodes of one execution.
 *
 * The events have neither LangGraph's steps nor the beginning of a node that calls no model. Both follow from the
 * edges: all nodes of a step end before one of the next begins.
 */
export class Execution {
  readonly runs = new Map<string, NodeRun[]>();
  readonly taken = new Set<string>();
  private readonly open = new Map<string, OpenRun[]>();
  private readonly lastStep = new Map<string, number>();
  private step = 0;
  private current = new Set<string>();
  private before = new Set<string>();
  private stepStartedAt: number | null;
  private lastEndedAt: number | null;

  constructor(
    private readonly level: Level | null,
    startedAt: number | null,
    /** Whether it begins at the start, rather than where an earlier run or attempt has stopped. */
    private readonly isFresh: boolean,
  ) {
    this.stepStartedAt = startedAt;
    this.lastEndedAt = startedAt;
    if (!isFresh) return;
    this.current.add(START);
    this.lastStep.set(START, 0);
  }

  /** A node is at work. marks tell which run of it, if several are at once. */
  begin(name: string, marks: readonly string[], isParallel: boolean): void {
    const open = this.open.get(name) ?? [];
    const known = open.find((each) => marks.some((mark) => each.marks.has(mark)));
    const own = known ?? (isParallel ? undefined : open.at(-1));
    if (own) {
      for (const mark of marks) own.marks.add(mark);
      return;
    }
    this.place(name);
    const run = { startedAt: this.stepStartedAt, endedAt: null, values: null, isOpen: true };
    this.runsOf(name).push(run);
    this.open.set(name, [...open, { run, marks: new Set(marks) }]);
  }

  /** A node has ended; returns the marks of the run that it was. marks: what may tell which one. */
  end(name: string, marks: ReadonlySet<string>, values: Json, at: number | null): ReadonlySet<string> {
    const open = this.open.get(name) ?? [];
    const own = open.find((each) => [...each.marks].some((mark) => marks.has(mark))) ?? open[0];
    if (own) open.splice(open.indexOf(own), 1);
    else this.place(name);
    const ended: NodeRun = {
      startedAt: own ? own.run.startedAt : this.stepStartedAt,
      endedAt: at,
      values,
      isOpen: false,
    };
    const runs = this.runsOf(name);
    const place = own ? runs.indexOf(own.run) : -1;
    if (place < 0) runs.push(ended);
    else runs[place] = ended;
    this.lastEndedAt = at;
    return own?.marks ?? marks;
  }

  /** The whole execution has ended. */
  finish(): void {
    this.arrive(END, this.current);
  }

  /** Returns the nodes that are at work without having written yet, as far as the edges tell. */
  expected(calledTools: ReadonlySet<string>): readonly string[] {
    if (!this.level || (this.step === 0 && !this.isFresh)) return [];
    const begun = this.successors(this.before, new Set());
    const missing = free(begun, [...this.current, ...begun], this).filter((name) => !this.current.has(name));
    if (missing.length || this.openNames().length) return missing;
    const next = this.successors(this.current, calledTools);
    return free(next, next, this);
  }

  /** Whether the run with that mark is at work. */
  isOpen(mark: string): boolean {
    return [...this.open.values()].some((runs) => runs.some((each) => each.marks.has(mark)));
  }

  /** Returns when the run with that mark has begun. */
  startOf(mark: string): number | null {
    const runs = [...this.open.values()].flat();
    return runs.find((each) => each.marks.has(mark))?.run.startedAt ?? null;
  }

  openNames(): readonly string[] {
    return [...this.open].filter(([, runs]) => runs.length).map(([name]) => name);
  }

  private runsOf(name: string): NodeRun[] {
    const known = this.runs.get(name);
    if (known) return known;
    const made: NodeRun[] = [];
    this.runs.set(name, made);
    return made;
  }

  /** Puts a node that begins into this step or the next one. */
  private place(name: string): void {
    if (!this.openNames().length && (this.follows(name) || !this.isExpectedWith(name))) {
      this.before = this.current;
      this.current = new Set();
      this.step += 1;
      this.stepStartedAt = this.lastEndedAt;
    }
    this.current.add(name);
    this.arrive(name, this.before);
    this.lastStep.set(name, this.step);
  }

  /** Whether an edge leads to the node from one of this step. */
  private follows(name: string): boolean {
    return [...this.current].some((each) => this.edge(each, name));
  }

  private isExpectedWith(name: string): boolean {
    return this.step > 0 && [...this.before].some((each) => this.edge(each, name));
  }

  /** Notes the edges by which a node was reached: from the step before, or, if it waited for several, earlier. */
  private arrive(name: string, before: ReadonlySet<string>): void {
    const last = this.lastStep.get(name) ?? -1;
    for (const edge of this.level?.edges ?? []) {
      if (edge.target !== this.id(name)) continue;
      const source = this.nameIn(edge.source);
      const isWaited = !edge.isConditional && (this.lastStep.get(source) ?? -1) > last;
      if (before.has(source) || isWaited) this.taken.add(edge.key);
    }
  }

  private successors(names: ReadonlySet<string>, calledTools: ReadonlySet<string>): readonly string[] {
    const found = new Set<string>();
    for (const edges of [...names].map((name) => this.edgesFrom(name))) {
      const likely = edges.filter((edge) => this.calls(edge, calledTools));
      const others = edges.filter((edge) => edge.isConditional && this.nameIn(edge.target) !== END);
      const isCalling = calledTools.size > 0 && likely.length === 0 && others.length === 1;
      for (const edge of edges) {
        const isSure = !edge.isConditional || edges.length === 1 || likely.includes(edge);
        if (isSure || (isCalling && others.includes(edge))) found.add(this.nameIn(edge.target));
      }
    }
    found.delete(END);
    return [...found];
  }

  private calls(edge: LevelEdge, tools: ReadonlySet<string>): boolean {
    const node = this.level?.nodes.find((each) => each.id === edge.target);
    return node?.tools.some((tool) => tools.has(tool)) ?? false;
  }

  /** Whether a way leads from one node to another. */
  leadsTo(from: string, to: string, seen = new Set<string>()): boolean {
    if (seen.has(from)) return false;
    seen.add(from);
    return this.edgesFrom(from).some((edge) => {
      const next = this.nameIn(edge.target);
      return next === to || this.leadsTo(next, to, seen);
    });
  }

  private edgesFrom(name: string): readonly LevelEdge[] {
    return (this.level?.edges ?? []).filter((edge) => edge.source === this.id(name));
  }

  private edge(source: string, target: string): boolean {
    const key = edgeKey(this.id(source), this.id(target));
    return this.level?.edges.some((edge) => edge.key === key) ?? false;
  }

  private id(name: string): string {
    return within(this.level?.id ?? "", name);
  }

  private nameIn(id: string): string {
    return this.level?.id ? id.slice(this.level.id.length + 1) : id;
  }
}

/** Returns the nodes that don't wait for another one that is at work. */
function free(
  names: readonly string[],
  working: readonly string[],
  ways: Pick<Execution, "leadsTo">,
): readonly string[] {
  const found = names.filter((name) => !working.some((each) => each !== name && ways.leadsTo(each, name)));
  return found.length ? found : names;
}
