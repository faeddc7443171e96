export { Client, path } from "./client.ts";
export type {
  CallOptions,
  ClientOptions,
  Events,
  FollowOptions,
  OnceOptions,
  RequestOptions,
  StreamOptions,
} from "./client.ts";
export { SeltzerError, ServerError, ServerUnreachable, StreamCutOff } from "./errors.ts";
export { isLast, LAST_KINDS } from "./events.ts";
export type {
  EventData,
  Interrupt,
  Json,
  Kind,
  RunAnswer,
  RunEvent,
  RunInfo,
  RunStart,
  RunStatus,
  Usage,
} from "./events.ts";
export type { Watcher } from "./follower.ts";
export { SseParser } from "./sse.ts";
export type { Frame } from "./sse.ts";
