/** The page's own server. All of its requests go through this client, so that one place has the headers. */
import { Server } from "./server";

/** What every request carries. A key will stand here. */
const headers = (): Record<string, string> => ({});

export const server = new Server(document.baseURI, headers);
export const { client, connection } = server;
