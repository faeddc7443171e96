/** Calls that start a run and follow it, as one would write them. */
import { address } from "../server/base";
import type { GraphInfo } from "../server/info";
import type { Extras } from "./shown";

export const LANGUAGES = { curl: "curl", python: "Python", javascript: "JavaScript" } as const;
export type CallLanguage = keyof typeof LANGUAGES;

interface Call {
  readonly input: unknown;
  readonly threadId: string | null;
  readonly extras: Extras;
}

export function callOf(language: CallLanguage, graph: GraphInfo, call: Call, base?: string): string {
  const server = address("", base).href.replace(/\/$/, "");
  const body = {
    input: shortened(call.input),
    ...(call.threadId === null ? {} : { thread_id: call.threadId }),
    ...call.extras,
  };
  switch (language) {
    case "curl":
      return [
        `curl -N ${shellQuoted(`${server}${graph.path}/runs`)} \\`,
        "  -H 'content-type: application/json' -H 'accept: text/event-stream' \\",
        `  -d ${shellQuoted(JSON.stringify(body))}`,
      ].join("\n");
    case "python":
      return pythonOf(server, graph, body);
    case "javascript":
      return [
        'import { Client } from "@seltzer/client";',
        "",
        `const client = new Client(${JSON.stringify(server)});`,
        `for await (const event of client.stream(${JSON.stringify(graph.name)}, ${JSON.stringify(body, null, 2)})) {`,
        '  if (event.kind === "token") process.stdout.write(event.data.text);',
        "}",
      ].join("\n");
  }
}

function pythonOf(server: string, graph: GraphInfo, body: Readonly<Record<string, unknown>>): string {
  const { input, config, ...rest } = body;
  const named = { ...rest, ...(config ? { config } : {}) };
  const given = [
    python(input),
    `graph=${python(graph.name)}`,
    ...Object.entries(named).map(([name, value]) => `${name}=${python(value)}`),
  ];
  return [
    "from seltzer.client import Client, Token",
    "",
    `client = Client(${python(server)})`,
    `for part in client.stream(${given.join(", ")}):`,
    "    if isinstance(part, Token):",
    '        print(part.text, end="", flush=True)',
  ].join("\n");
}

/** Returns a value as Python writes it. */
export function python(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    const items = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${python(item)}`);
    return `{${items.join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** Returns a text as a POSIX shell reads it. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A file's content would be longer than all the rest. */
function shortened(input: unknown): unknown {
  if (typeof input === "string") return input.startsWith("data:") ? `${input.slice(0, 40)}…` : input;
  if (Array.isArray(input)) return input.map(shortened);
  if (typeof input !== "object" || input === null) return input;
  return Object.fromEntries(Object.entries(input).map(([name, item]) => [name, shortened(item)]));
}
