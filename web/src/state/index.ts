/** What the page knows of runs and threads: pure functions of the server's events and answers. */
export { names, type AiMessage, type Item, type ToolCall, type Turn } from "./items";
export { parsed } from "./json";
export { nodeKey, type NodeActivity, type Nodes } from "./nodes";
export { partsOf, textOf, type Part } from "./parts";
export { reduce } from "./reduce";
export { QUEUED, isOver, type AnyEvent, type Run, type RunStatus } from "./run";
export { answerOf, isGroup, messagesOf, nested, pendingInterrupts, type Group } from "./selectors";
export { lastItems, messagesIn, turnsOf } from "./thread";
export { Timeline, stateAt, type Entry } from "./timeline";
