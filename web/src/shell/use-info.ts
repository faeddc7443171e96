import { useCallback, useEffect, useState } from "preact/hooks";
import { getInfo, type Info } from "../server/info";
import { connection } from "../server/client";

/** What is known of the server: nothing yet, what it serves, or why it has refused. */
export type Known = { info: Info } | { error: unknown } | null;

/** Returns what the server serves, and what asks again; it asks by itself when a lost server is back. */
export function useInfo(): [Known, () => void] {
  const [known, setKnown] = useState<Known>(null);
  const ask = useCallback(() => {
    getInfo().then(
      (info) => setKnown({ info }),
      (error: unknown) => setKnown((before) => (before && "info" in before ? before : { error })),
    );
  }, []);
  useEffect(() => {
    ask();
    return connection.watch((reach) => {
      if (reach === "reached") ask();
    });
  }, []);
  return [known, ask];
}
