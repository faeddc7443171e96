// Prints each event of a run as a line of JSON until its last one: node fetch-event-source.mjs URL [INIT]
// INIT is what fetch takes, as JSON. The library is written for pages: it wants a document and a window.
import { LAST_KINDS } from "./kinds.mjs";

globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = await import("@microsoft/fetch-event-source");

const leaving = new AbortController();
const init = JSON.parse(process.argv[3] ?? "{}");
await fetchEventSource(process.argv[2], {
    ...init,
    signal: leaving.signal,
    onopen: async (response) => console.error(response.status),
    onmessage: ({ id, event, data }) => {
        if (data === "") return; // the library makes an event of each ping
        console.log(JSON.stringify({ id, kind: event, data: JSON.parse(data) }));
        if (LAST_KINDS.includes(event)) leaving.abort();
    },
});
