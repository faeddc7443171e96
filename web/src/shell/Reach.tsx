import { useLayoutEffect, useState } from "preact/hooks";
import type { Reach } from "../server/connection";
import { useServer } from "../server/server";
import { useWords } from "../words";
import { Notice } from "./Notice";

/** Returns whether the server can be reached, as the last request has shown. */
export function useReach(): Reach {
  const { connection } = useServer();
  const [reach, setReach] = useState(connection.now);
  useLayoutEffect(() => {
    setReach(connection.now); // it may have changed since it was read above
    return connection.watch(setReach);
  }, [connection]);
  return reach;
}

/** Says when the server can't be reached, for as long as that is so. */
export function ReachNotice() {
  const words = useWords();
  const reach = useReach();
  if (reach === "reached") return null;
  return <Notice text={reach === "offline" ? words.offline : words.gone} />;
}
