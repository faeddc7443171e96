/** The strings of the graph's drawing, in English. */

export const enGraph = {
  drawingOf: (graph: string) => `Drawing of the graph ${graph}`,
  drawingTools: "Drawing",
  graphNotDrawn: "The graph couldn’t be drawn.",
  startMark: "Start",
  endMark: "End",
  subGraph: (name: string) => `sub-graph ${name}`,
  nodeStates: {
    idle: "not run",
    running: "running",
    done: "done",
    waiting: "waiting",
    failed: "failed",
    stopped: "stopped",
  },
  presumed: "Nothing has come from it yet.",
  times: (count: number) => `${count}×`,
  atOnce: (count: number) => `${count} at once`,
  tookMs: (time: string) => `${time} ms`,
  tookMinutes: (minutes: string, seconds: string) => `${minutes} min ${seconds} s`,
  inAndOut: (input: string, output: string) => `${input} in · ${output} out`,

  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  zoomFit: "Fit to the window",
  unfold: (name: string) => `Unfold ${name}`,
  foldUp: (name: string) => `Fold ${name}`,
  unfoldAll: "Unfold all sub-graphs",
  foldAll: "Fold all sub-graphs",

  aboutNode: (name: string) => `About ${name}`,
  itsRuns: "Runs",
  atWork: "At work",
  itsTime: "Time",
  itsTokens: "Tokens",
  itsCost: "Cost",
  itsModels: "Models",
  itsTools: "Tools",
  lastWritten: "Last written",
  toTheChat: "Answer in the chat",
  nothingWritten: "It has written nothing.",

  asList: "Nodes and what they did",
  leadsTo: (target: string, label: string, isConditional: boolean) =>
    `leads to ${target}${label ? ` (${label})` : ""}${isConditional ? ", on a condition" : ""}`,
  wasTaken: "taken",

  graphBeside: "Graph of this conversation",
  showGraphBeside: "Graph beside the chat",

  shownRun: "Run",
  newestRun: "Newest run",
  noRun: "No run yet. The graph lights up as soon as it runs.",
  runStates: {
    queued: "waiting",
    running: "running",
    finished: "finished",
    interrupted: "waiting for an answer",
    cancelled: "stopped",
    failed: "failed",
  },
};
