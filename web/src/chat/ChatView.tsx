import type { Json } from "@seltzer/client";
import type { ComponentChild } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { DEFAULT_LIMITS, hasDemoModel, type GraphInfo, type Info } from "../server/info";
import { lazy } from "../shell/lazy";
import { useWords } from "../words";
import { announcement } from "./announcement";
import { ChatContext, type ChatActions } from "./actions";
import { Composer } from "./Composer";
import { DemoNote } from "./DemoNote";
import { EMPTY, withoutUnsent, withUnsent } from "./drafts";
import { useHost } from "./host";
import { inputOf } from "./message";
import type { Question } from "./model/turn";
import { Starters } from "./Starters";
import { TroubleNotice } from "./TroubleNotice";
import { Turns } from "./Turns";
import { useConversation } from "./use-conversation";
import { useDraft } from "./use-draft";

const InputForm = lazy(async () => (await import("../forms/InputForm")).InputForm);

export interface ChatProps {
  readonly info: Info;
  readonly graph: GraphInfo;
  /** The thread that is shown; null: a new one. */
  readonly threadId: string | null;
}

/** A conversation with a graph. */
export function ChatView({ info, graph, threadId }: ChatProps) {
  const words = useWords();
  const host = useHost();
  const { draft, change, adopt } = useDraft(graph.path, threadId);
  const [conversation, shown] = useConversation(
    graph.path,
    threadId,
    (id) => {
      adopt(id);
      host.onThread(graph, id);
    },
    () => host.extras(graph),
  );
  const [asked, setAsked] = useState(0);
  const isBusy = !["idle", "loading"].includes(shown.phase);
  useEffect(() => {
    const back = shown.unsent;
    if (back) change((before) => withUnsent(before, back));
  }, [shown.unsent]);
  useLayoutEffect(() => host.onShown?.(conversation, shown, graph), [conversation, shown]);
  useEffect(() => () => host.onShown?.(conversation, null, graph), [conversation]);

  const ask = (input: Json, question: Question) => {
    setAsked((count) => count + 1);
    conversation.ask(input, question);
  };

  const actions = useRef<ChatActions>({ conversation, graph }).current;
  return (
    <ChatContext.Provider value={actions}>
      <div class="chat">
        <Turns
          shown={shown}
          asked={asked}
          onEarlier={() => conversation.loadEarlier()}
          welcome={
            <Welcome graph={graph}>
              {graph.takes_messages && hasDemoModel(info) && (
                <Starters
                  onAsk={(text) => {
                    const { input, question } = inputOf(text, []);
                    ask(input, question);
                  }}
                />
              )}
            </Welcome>
          }
        />
        <p class="unseen" role="status">
          {announcement(words, shown)}
        </p>
        <div class="chat-foot">
          {shown.trouble && (
            <TroubleNotice
              trouble={shown.trouble}
              onDismiss={() => conversation.dismiss()}
              onAgain={(onBusy) => {
                change((before) => withoutUnsent(before, shown.unsent ?? EMPTY));
                setAsked((count) => count + 1);
                shown.trouble?.again?.(onBusy);
              }}
            />
          )}
          {graph.takes_messages ? (
            <Composer
              draft={draft}
              limits={info.attachments ?? DEFAULT_LIMITS}
              isBusy={isBusy}
              isStopping={shown.phase === "stopping"}
              isAsking={shown.turns.at(-1)?.ending === "interrupted"}
              onDraft={change}
              onStop={() => conversation.stop()}
              onAsk={(input, question) => {
                change(() => EMPTY);
                ask(input, question);
              }}
            >
              <host.Tools graph={graph} shown={shown} draft={draft.text} />
            </Composer>
          ) : (
            <InputForm
              graph={graph}
              isBusy={isBusy}
              trouble={shown.trouble}
              onStop={() => conversation.stop()}
              onRun={(input) => ask(input, { id: null, text: "", files: [], input })}
            >
              <host.Tools graph={graph} shown={shown} draft="" />
            </InputForm>
          )}
          {hasDemoModel(info) && <DemoNote />}
        </div>
      </div>
    </ChatContext.Provider>
  );
}

function Welcome({ graph, children }: { graph: GraphInfo; children: ComponentChild }) {
  const words = useWords();
  return (
    <div class="welcome">
      <h2 dir="auto">{words.askHeading(graph.name)}</h2>
      {graph.description && (
        <p class="note" dir="auto">
          {graph.description}
        </p>
      )}
      {children}
    </div>
  );
}
