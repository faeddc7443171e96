// What events a run has: see docs/reference/runs.md.
export const LAST_KINDS = ["finished", "failed", "cancelled", "interrupted"];
export const KINDS = [
    "started", "state", "message", "token", "reasoning", "tool_call", "tool_result", "retracted", "update",
    "custom", "checkpoint", "interrupt", ...LAST_KINDS,
];
