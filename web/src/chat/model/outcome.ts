/** How the newest run of a thread has ended. */
import type { RunInfo } from "@seltzer/client";
import type { Ended } from "../../state";
import type { Pages } from "./pages";
import { answerOf, type Ending, type Turn } from "./turn";

/** How a run has ended, for the selection of its answer and for its turn. */
export interface Outcome {
  readonly ended: Ended;
  readonly turn: Pick<Turn, "runId" | "ending" | "failure" | "interrupts">;
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  success: "finished",
  error: "failed",
  interrupted: "interrupted",
  cancelled: "cancelled",
};

export function outcomeOf({ run_id: runId, status, error, interrupts, output }: RunInfo): Outcome | null {
  const ending = ENDINGS[status];
  if (ending === undefined) return null;
  const failure = error && {
    code: error.code,
    message: error.message,
    retryAfterS: error.retry_after_s,
  };
  return { ended: { status: ending, output }, turn: { runId, ending, failure, interrupts } };
}

/** Returns what a run has returned that isn't in its messages: what the run of a graph without them has. */
export function outputBeside(pages: Pages, { ended }: Outcome): unknown {
  return pages.messages.length > 0 ? null : ended.output;
}

/** Whether the newest run was stopped, but the answer is whole: it is another run's, on a branch gone back to. */
export function isOfAnotherBranch(turn: Turn): boolean {
  return turn.ending === "cancelled" && answerOf(turn)?.isIncomplete === false;
}
