import { useEffect, useState } from "preact/hooks";
import { connection } from "../server/client";
import { useWords } from "../words";
import { Notice } from "./Notice";

/** Says when the server can't be reached, for as long as that is so. */
export function ReachNotice() {
  const words = useWords();
  const [reach, setReach] = useState(connection.now);
  useEffect(() => connection.watch(setReach), []);
  if (reach === "reached") return null;
  return <Notice text={reach === "offline" ? words.offline : words.gone} />;
}
