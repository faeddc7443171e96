import { useState } from "preact/hooks";
import type { GraphInfo } from "../server/info";
import { useWords } from "../words";
import { LANGUAGES, callOf, type CallLanguage } from "./calls";
import { CodeBox } from "./CodeBox";
import type { Shown } from "./shown";
import { extrasOf } from "./extras";
import { Sheet } from "./Sheet";

interface Props {
  readonly graph: GraphInfo;
  readonly shown: Shown;
  readonly draft: string;
  readonly onClose: () => void;
}

/** The call that does what is on the screen: to copy into a terminal or a program. */
export function CallSheet({ graph, shown, draft, onClose }: Props) {
  const words = useWords();
  const [language, setLanguage] = useState<CallLanguage>("curl");
  const question = shown.turns.at(-1)?.question;
  const input =
    draft.trim() || question?.text || question?.input || (graph.takes_messages ? words.hello : {});
  const text = callOf(language, graph, { input, threadId: shown.threadId, extras: extrasOf(graph.path) });
  return (
    <Sheet title={words.callTitle} onClose={onClose}>
      <p class="note">{words.callNote}</p>
      <div class="segments" role="group" aria-label={words.callLanguage}>
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <button
            key={code}
            type="button"
            class="segment"
            aria-pressed={code === language}
            onClick={() => setLanguage(code as CallLanguage)}
          >
            {name}
          </button>
        ))}
      </div>
      <CodeBox label={LANGUAGES[language]} text={text} />
    </Sheet>
  );
}
