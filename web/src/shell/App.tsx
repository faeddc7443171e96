import { HostProvider } from "../chat/host";
import { server } from "../server/client";
import { ServerProvider } from "../server/server";
import { useEffect, useState } from "preact/hooks";
import { chosenTheme, keepTaste, showTheme } from "../look/tastes";
import { chosenLanguage, loadWords, WordsProvider, type Language, type Words } from "../words";
import { PAGE } from "./host";
import { Shell } from "./Shell";
import { Tastes } from "./Tastes";

interface Props {
  /** The strings of the language that the page begins in. */
  readonly words: Words;
}

/** The page: its language and theme, and within them the shell. */
export function App({ words: first }: Props) {
  const [words, setWords] = useState(first);
  const [language, setLanguage] = useState(chosenLanguage);
  const [theme, setTheme] = useState(chosenTheme);

  useEffect(() => showTheme(theme), [theme]);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);

  const chooseLanguage = (next: Language) => {
    keepTaste("language", next);
    void loadWords(next).then((loaded) => {
      setWords(loaded);
      setLanguage(next);
    });
  };

  return (
    <WordsProvider value={words}>
      <ServerProvider value={server}>
        <HostProvider value={PAGE}>
          <Shell>
            <Tastes
              theme={theme}
              language={language}
              onTheme={(next) => {
                keepTaste("theme", next);
                setTheme(next);
              }}
              onLanguage={chooseLanguage}
            />
          </Shell>
        </HostProvider>
      </ServerProvider>
    </WordsProvider>
  );
}
