// Does with @seltzer/client what standard input asks for, {"url", "call", "arguments", "options"}, and prints
// what comes of it: a JSON object a line. `abort_after`: a kind of event after which the signal aborts.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { Client, isLast } = await import(pathToFileURL(process.argv[2]));
const asked = JSON.parse(readFileSync(0, "utf8"));
const print = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const controller = new AbortController();
const client = new Client(asked.url, { patienceMs: asked.patience_ms, silenceMs: asked.silence_ms });
const options = {
    ...asked.options,
    signal: controller.signal,
    onRun: (runId, threadId) => print({ run: [runId, threadId] }),
    onLost: (reason) => print({ lost: reason }),
    onRestored: () => print({ restored: true }),
};
try {
    const result = client[asked.call](...asked.arguments, options);
    if (result[Symbol.asyncIterator]) {
        for await (const event of result) {
            print({ event });
            if (event.kind === asked.abort_after) controller.abort();
            if (isLast(event)) print({ last: event.kind });
        }
    } else {
        print({ result: await result });
    }
    print({ over: true });
} catch (error) {
    print({ error: { name: error.name, code: error.code, status: error.status, cursor: error.cursor } });
}
