import { useEffect, useRef } from "preact/hooks";
import { hasDemoModel, type GraphInfo, type Info } from "../server/info";
import { Notice } from "../shell/Notice";
import { navigate } from "../shell/use-route";
import { useWords } from "../words";
import { Composer } from "./Composer";
import { TurnView } from "./TurnView";
import { useChat } from "./use-chat";

export interface ChatProps {
  readonly info: Info;
  readonly graph: GraphInfo;
  /** The thread that is shown; null: a new one. */
  readonly threadId: string | null;
}

/** A conversation with a graph. */
export function ChatView({ info, graph, threadId }: ChatProps) {
  const words = useWords();
  const end = useRef<HTMLDivElement>(null);
  const chat = useChat(graph.path, threadId, (id) =>
    navigate({ graph: graph.name, view: "chat", id }, { replace: true }),
  );
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [chat.turns]);

  return (
    <div class="chat">
      <div class="turns">
        {chat.turns.length === 0 && !chat.isAnswering && (
          <div class="welcome">
            <h2 dir="auto">{words.askHeading(graph.name)}</h2>
            {graph.description && <p class="note">{graph.description}</p>}
          </div>
        )}
        {chat.turns.map((turn, index) => (
          <TurnView key={index} turn={turn} />
        ))}
        {chat.error && <Notice text={words.failed} detail={chat.error.message} />}
        <div ref={end} />
      </div>
      <p class="unseen" role="status">
        {announcement(words, chat.isAnswering, chat.turns.at(-1)?.end ?? null)}
      </p>
      <div class="chat-foot">
        <Composer isAnswering={chat.isAnswering} onAsk={chat.ask} onStop={chat.stop} />
        {hasDemoModel(info) && (
          <p class="demo">
            {words.demoModel} {words.demoHow}
          </p>
        )}
      </div>
    </div>
  );
}

/** Returns what a screen reader says of the answer's progress: not its tokens, they would never let it finish. */
function announcement(words: ReturnType<typeof useWords>, isAnswering: boolean, end: string | null): string {
  if (isAnswering) return words.answering;
  if (end === "finished") return words.answered;
  return end === "cancelled" ? words.stopped : "";
}
