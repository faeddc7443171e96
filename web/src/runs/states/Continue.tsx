import { SeltzerError } from "@seltzer/client";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { wordsOf } from "../../words/errors";
import { client, server } from "../../server/client";
import type { GraphInfo } from "../../server/info";
import type { StoredState } from "../../server/runs";
import { restoreState } from "../../server/threads";
import { navigate } from "../../shell/use-route";
import { useWords } from "../../words";

interface Props {
  readonly graph: GraphInfo;
  readonly threadId: string;
  readonly state: Pick<StoredState, "checkpoint_id" | "next">;
  readonly isNewest: boolean;
  readonly children: ComponentChildren;
}

/**
 * Continues a thread from one of its states, on a branch of its own, and opens it in the chat.
 *
 * Amid a turn the nodes that are next there run; at the end of one the state is the thread's newest again, and
 * the next message continues there.
 */
export function Continue({ graph, threadId, state, isNewest, children }: Props) {
  const words = useWords();
  const [error, setError] = useState<SeltzerError | null>(null);
  const [isAsking, setAsking] = useState(false);
  const branch = async () => {
    setAsking(true);
    setError(null);
    try {
      if (state.next.length > 0) {
        await client.start(graph.path, { thread_id: threadId, from_checkpoint: state.checkpoint_id });
      } else if (!isNewest) {
        await restoreState(client, graph.path, threadId, state.checkpoint_id, server.signal);
      }
      navigate({ graph: graph.name, view: "chat", id: threadId });
    } catch (reason) {
      if (!(reason instanceof SeltzerError)) throw reason;
      setAsking(false);
      setError(reason);
    }
  };
  const hint = state.next.length > 0 ? words.runHereHint(state.next.join(", ")) : words.continueHereHint;
  return (
    <div class="state-continue">
      <button type="button" class="button" disabled={isAsking} title={hint} onClick={() => void branch()}>
        {children}
      </button>
      {error && (
        <p class="note is-danger" role="alert">
          {wordsOf(words, error.code) ?? words.failed} {error.message}
        </p>
      )}
    </div>
  );
}
