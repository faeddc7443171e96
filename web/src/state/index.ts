/** What the page knows of runs and threads: pure functions of the server's events and answers. */
export {
  aiMessage,
  keyOf,
  names,
  type AiMessage,
  type Item,
  type StepItem,
  type ToolCall,
  type Turn,
} from "./items";
export { isObject, jsonIn, listOf, parsed, pretty, textField, type JsonObject } from "./json";
export { merged } from "./merge";
export { filesOf, partsOf, textOf, type Attached, type Part } from "./parts";
export { reduce } from "./reduce";
export { QUEUED, continuing, isOver, type AnyEvent, type Run, type RunStatus } from "./run";
export {
  answerAmong,
  answerOf,
  childKey,
  isGroup,
  messagesOf,
  nested,
  pendingInterrupts,
  type Group,
} from "./selectors";
export { UNWRITTEN, messagesIn, turnsOf, type Ended } from "./thread";
export { Timeline, stateAt, type Entry } from "./timeline";
