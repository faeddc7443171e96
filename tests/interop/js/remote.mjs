// Calls RemoteRunnable's methods: reads {url, calls: [{method, args}]}, prints a list of {value} or {error}.
import { RemoteRunnable } from "@langchain/core/runnables/remote";
import { HumanMessage } from "@langchain/core/messages";
import { text } from "node:stream/consumers";

const { url, calls } = JSON.parse(await text(process.stdin));
const remote = new RemoteRunnable({ url });

async function collect(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
}

const methods = {
    invoke: (...args) => remote.invoke(...args),
    invokeMessage: (content, ...rest) => remote.invoke({ messages: [new HumanMessage(content)] }, ...rest),
    batch: (...args) => remote.batch(...args),
    stream: async (...args) => collect(await remote.stream(...args)),
    streamLog: async (...args) => collect(remote.streamLog(...args)),
    streamEvents: async (...args) => collect(remote.streamEvents(...args)),
    streamUntilError: async (...args) => {
        const chunks = [];
        try {
            for await (const chunk of await remote.stream(...args)) chunks.push(chunk);
        } catch (error) {
            return { chunks, error: error.message };
        }
        return { chunks };
    },
};

const results = [];
for (const { method, args } of calls) {
    try {
        results.push({ value: await methods[method](...args) });
    } catch (error) {
        results.push({ error: error.message });
    }
}
console.log(JSON.stringify(results));
