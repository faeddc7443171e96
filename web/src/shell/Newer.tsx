import { useEffect, useState } from "preact/hooks";
import { useWords } from "../words";
import { Notice } from "./Notice";

/** Offers to reload once a part of the page is no longer there: the server was renewed since it was opened. */
export function NewerNotice() {
  const words = useWords();
  const [isNewer, setNewer] = useState(false);
  useEffect(() => {
    const missing = () => setNewer(true);
    addEventListener("vite:preloadError", missing);
    return () => removeEventListener("vite:preloadError", missing);
  }, []);
  if (!isNewer) return null;
  return <Notice text={words.newVersion} action={words.reload} onAction={() => location.reload()} />;
}
