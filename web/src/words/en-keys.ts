/** The strings of the keyboard shortcuts, in English. */
export const enKeys = {
  shortcuts: "Keyboard shortcuts",
  keysEverywhere: "Everywhere",
  keysInChat: "Writing and answers",
  keysInGraph: "In the graph",
  keyMessage: "Write a message",
  keySearch: "Search the threads",
  keyList: "This list",
  keyAnywhere: "This list, while you type too",
  keyNewLine: "New line",
  keyMove: "Go along the edges",
  keyDetails: "About the node",
  keyUnfold: "Unfold or fold a sub-graph",
  keyEvents: "Event by event",
  keyNames: { ctrl: "Ctrl", shift: "Shift", enter: "Enter", esc: "Esc", space: "Space", arrows: "Arrows" },
  singleKeys: "Single keys are on",
  singleKeysNote: "They act while you aren’t typing. Turn them off if a tool of yours needs them.",
};
