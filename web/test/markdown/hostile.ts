/** Texts that try to run, load, navigate, or look like the page. tests/web sends them through a browser, too. */
import corpus from "./hostile.json";

export const HOSTILE: readonly string[] = corpus;
