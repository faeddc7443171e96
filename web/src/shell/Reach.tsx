import { useEffect, useState } from "preact/hooks";
import { useServer } from "../server/server";
import { useWords } from "../words";
import { Notice } from "./Notice";

/** Says when the server can't be reached, for as long as that is so. */
export function ReachNotice() {
  const words = useWords();
  const { connection } = useServer();
  const [reach, setReach] = useState(connection.now);
  useEffect(() => connection.watch(setReach), [connection]);
  if (reach === "reached") return null;
  return <Notice text={reach === "offline" ? words.offline : words.gone} />;
}
