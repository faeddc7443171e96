import { useCallback, useEffect, useState } from "preact/hooks";
import { getInfo, type Info } from "../server/info";
import { useServer } from "../server/server";

/** What is known of the server: nothing yet, what it serves, or why it has refused. */
export type Known = { info: Info } | { error: unknown } | null;

/** Returns what the server serves, and what asks again; it asks by itself when a lost server is back. */
export function useInfo(): [Known, () => void] {
  const { client, connection } = useServer();
  const [known, setKnown] = useState<Known>(null);
  const ask = useCallback(() => {
    getInfo(client).then(
      (info) => setKnown({ info }),
      (error: unknown) => setKnown((before) => (before && "info" in before ? before : { error })),
    );
  }, [client]);
  useEffect(() => {
    ask();
    return connection.watch((reach) => {
      if (reach === "reached") ask();
    });
  }, [ask]);
  return [known, ask];
}
