/** Which turns have others in their place, on other branches of the thread. */
import { textField, type JsonObject } from "../../state";

/** A branch's messages, as far as they are known. */
export interface Path {
  readonly checkpointId: string;
  readonly messages: readonly JsonObject[];
  /** Whether these are all, from the thread's beginning. */
  readonly isWhole: boolean;
}

/** The turns in one place: which of them is shown, and the checkpoint at the end of each one's newest branch. */
export interface Variants {
  readonly index: number;
  readonly checkpointIds: readonly string[];
}

interface Stretch {
  /** The message before the turn; empty at the beginning of the thread. */
  readonly after: string;
  readonly questionId: string;
  readonly ids: string;
}

/** Returns the variants of the turns of the first path, by the ids of their questions; paths: newest first. */
export function variantsOf(paths: readonly Path[]): ReadonlyMap<string, Variants> {
  const found = new Map<string, Variants>();
  const [shown] = paths;
  if (shown === undefined || paths.length < 2) return found;
  const others = paths.map((path) => ({ path, stretches: stretchesOf(path) }));
  for (const turn of stretchesOf(shown)) {
    const ends = new Map<string, string>(); // a turn's ids -> where its newest branch ends
    for (const { path, stretches } of others) {
      const same = stretches.find((each) => each.after === turn.after);
      if (same && !ends.has(same.ids)) ends.set(same.ids, path.checkpointId);
    }
    if (ends.size < 2) continue;
    const oldestFirst = [...ends.entries()].reverse().sort(([a], [b]) => compared(timeOf(a), timeOf(b)));
    found.set(turn.questionId, {
      index: oldestFirst.findIndex(([ids]) => ids === turn.ids),
      checkpointIds: oldestFirst.map(([, checkpointId]) => checkpointId),
    });
  }
  return found;
}

const compared = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Returns when a turn came, as far as that shows: LangChain's ids of answers have their time in front. */
function timeOf(ids: string): string {
  const [question = "", answer = ""] = ids.split(" ");
  const found = [answer, question].map((id) => /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}/.exec(id)?.[0]);
  return found.find(Boolean) ?? "";
}

function stretchesOf(path: Path): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let ids: string[] = [];
  let after: string | null = path.isWhole ? "" : null;
  let last = "";
  let questionId = "";
  const close = () => {
    if (questionId && after !== null) stretches.push({ after, questionId, ids: ids.join(" ") });
  };
  for (const message of path.messages) {
    const id = textField(message, "id");
    if (isQuestion(message)) {
      close();
      if (last || !path.isWhole) after = last || null;
      questionId = id;
      ids = [];
    }
    ids.push(id);
    last = id;
  }
  close();
  return stretches;
}

const isQuestion = (message: JsonObject): boolean => message["type"] === "human";
