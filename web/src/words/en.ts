/** Every string of the page, in English. A function is a string with something in it. */
import { enChat } from "./en-chat";
import { enEmbed } from "./en-embed";
import { enGraph } from "./en-graph";
import { enKeys } from "./en-keys";
import { enRuns } from "./en-runs";

export const en = {
  languageName: "English",

  // The shell
  skip: "Skip to the content",
  graphs: "Graphs",
  threads: "Threads",
  newThread: "New thread",
  openMenu: "Open the menu",
  closeMenu: "Close the menu",
  chat: "Chat",
  graph: "Graph",
  views: "Views",
  noThreads: "Your conversations will be here.",
  docs: "API documentation",
  language: "Language",
  theme: "Theme",
  themeSystem: "As the system",
  themeLight: "Light",
  themeDark: "Dark",
  version: (version: string) => `Seltzer ${version}`,
  loading: "Loading",
  brokenGraph: (name: string) => `${name} can’t be loaded`,
  unknownGraph: (name: string) => `There is no graph ${name} here.`,
  noGraphs: "No graph is served here.",

  // The server
  offline: "You are offline. What is on the screen stays; it continues when you are back.",
  gone: "The server doesn’t answer. It is asked again until it does.",
  failed: "The server’s answer was an error.",
  tryAgain: "Try again",
  reload: "Reload",
  newVersion: "The server has a newer version of this page.",

  // The chat
  askHeading: (graph: string) => `What can ${graph} do for you?`,
  message: "Message",
  send: "Send",
  stop: "Stop",
  you: "You",
  answering: "Answering",
  answered: "The answer is complete.",
  stopped: "Stopped.",
  demoModel: "The demo model is answering: its text is scripted.",
  demoHow: "For a real model set MODEL, OPENAI_API_KEY or OPENAI_BASE_URL, and start the server again.",
  starters: "To begin with",
  starterSum: "What is the square root of 71?",
  starterThink: "Think out loud",
  starterLong: "Give me a long answer",
  ...enChat,
  ...enEmbed,
  ...enRuns,

  // Answers in Markdown
  code: "code",
  notCopied: "Couldn’t copy",
  table: "Table",
  draw: "Draw",
  drawing: "Drawing",
  source: "Source",
  diagram: "Diagram",
  notDrawn: "This isn’t a diagram that can be drawn.",

  // The graph
  ...enGraph,
  ...enKeys,
};

/** The strings that every language has. */
export type Words = typeof en;
