// Prints each event of a run as a line of JSON until its last one: node eventsource.mjs URL
import { EventSource } from "eventsource";
import { KINDS, LAST_KINDS } from "./kinds.mjs";

const source = new EventSource(process.argv[2]);
for (const kind of KINDS) {
    source.addEventListener(kind, ({ lastEventId, data }) => {
        console.log(JSON.stringify({ id: lastEventId, kind, data: JSON.parse(data) }));
        if (LAST_KINDS.includes(kind)) source.close();
    });
}
