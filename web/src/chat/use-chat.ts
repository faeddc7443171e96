import { isLast, SeltzerError, type Events } from "@seltzer/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { client } from "../server/client";
import { getThread } from "../server/threads";
import { begun, answered, stored, type Turn } from "./turns";

/** What a conversation shows and what can be done with it. */
export interface Chat {
  readonly turns: readonly Turn[];
  readonly isAnswering: boolean;
  readonly error: SeltzerError | null;
  ask(text: string): void;
  stop(): void;
}

/**
 * Returns the conversation on the thread: what was said, and the answer that is being given.
 *
 * graph is the path of its routes. onThread is called with a new thread's id as soon as the server has made it.
 */
export function useChat(graph: string, threadId: string | null, onThread: (threadId: string) => void): Chat {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [runId, setRunId] = useState<string | null>(null);
  const [isAnswering, setAnswering] = useState(false);
  const [error, setError] = useState<SeltzerError | null>(null);
  const shown = useRef<string | null>(null); // the thread that turns are of
  const reading = useRef<AbortController | null>(null);

  const read = async (open: (signal: AbortSignal) => Promise<Events> | Events) => {
    reading.current?.abort();
    const { signal } = (reading.current = new AbortController());
    setError(null);
    setAnswering(true);
    try {
      for await (const event of await open(signal)) {
        setTurns((before) => answered(before, event));
        if (isLast(event)) break;
      }
    } catch (reason) {
      if (signal.aborted) return;
      if (!(reason instanceof SeltzerError)) throw reason;
      setError(reason);
    }
    setAnswering(false);
    setRunId(null);
  };

  useEffect(() => {
    if (threadId === shown.current) return;
    shown.current = threadId;
    reading.current?.abort();
    setTurns([]);
    setAnswering(false);
    if (threadId !== null) {
      void read(async function* (signal) {
        const thread = await getThread(graph, threadId);
        if (signal.aborted) return;
        setTurns(stored(thread.values));
        if (thread.status !== "busy" || thread.run_id === null) return;
        setRunId(thread.run_id);
        yield* client.follow(graph, thread.run_id, { signal });
      });
    }
  }, [graph, threadId]);
  useEffect(() => () => reading.current?.abort(), []);

  const ask = (text: string) => {
    setTurns((before) => begun(before, text));
    const start = { input: text, ...(threadId === null ? {} : { thread_id: threadId }) };
    const onRun = (run: string, thread: string) => {
      shown.current = thread;
      setRunId(run);
      if (thread !== threadId) onThread(thread);
    };
    void read((signal) => client.stream(graph, start, { signal, onRun }));
  };
  const stop = () => {
    if (runId !== null) void client.cancel(graph, runId);
  };
  return { turns, isAnswering, error, ask, stop };
}
