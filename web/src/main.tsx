/** Starts the page. */
import { render } from "preact";
import "./look/tokens.css";
import "./look/base.css";
import "./shell/shell.css";
import "./chat/chat.css";
import { chosenTheme, showTheme } from "./look/tastes";
import { connection } from "./server/client";
import { App } from "./shell/App";
import { chosenLanguage, loadWords } from "./words";

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (root === null) throw new Error("index.html has no #app");
  showTheme(chosenTheme());
  connection.listen(window);
  render(<App words={await loadWords(chosenLanguage())} />, root);
}

void start();
