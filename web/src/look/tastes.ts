/** What a reader likes: language, theme, and what stands beside the chat, which keys act. Nothing else is kept in the browser. */

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];

export type Taste = "theme" | "language" | "beside" | "keys";

const PREFIX = "seltzer.";

/** Returns what was kept under the name; null too where the browser keeps nothing, as in private windows. */
export function taste(name: Taste): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** Keeps a taste if the browser lets it; otherwise it lasts as long as the page. */
export function keepTaste(name: Taste, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // A browser that keeps nothing.
  }
}

/** Returns the theme that was chosen, else the system's. */
export function chosenTheme(): Theme {
  const kept = taste("theme");
  return THEMES.find((each) => each === kept) ?? "system";
}

/** Shows the theme: tokens.css has what each looks like. */
export function showTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
