/** Which language the page is in. English comes with the page, the others when they are wanted. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { taste } from "../look/tastes";
import { en, type Words } from "./en";

export type { Words };
export type Language = "en" | "ja" | "zh";

/** The languages and what each calls itself. */
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", ja: "日本語", zh: "简体中文" };

const LOAD: Readonly<Record<Language, () => Promise<Words>>> = {
  en: async () => en,
  ja: async () => (await import("./ja")).ja,
  zh: async () => (await import("./zh")).zh,
};

const WordsContext = createContext<Words>(en);
export const WordsProvider = WordsContext.Provider;

/** Returns the strings of the page's language. */
export const useWords = (): Words => useContext(WordsContext);

/** Returns the language that was chosen, else the first of the browser's that there is, else English. */
export function chosenLanguage(wanted: readonly string[] = navigator.languages): Language {
  return languageOf([taste("language"), ...wanted]);
}

/** Returns the first language that there is of those that are wanted, else English. */
export function languageOf(wanted: readonly (string | null | undefined)[]): Language {
  for (const each of wanted) {
    const code = each?.toLowerCase().split("-")[0];
    if (code && code in LANGUAGES) return code as Language;
  }
  return "en";
}

/** Returns a language's strings; English if they can't be loaded. */
export async function loadWords(language: Language): Promise<Words> {
  try {
    return await LOAD[language]();
  } catch {
    return en;
  }
}
