/** A model's text, shown: `<Markdown text isLive />`. */
import { useEffect, useState } from "preact/hooks";
import { useServer } from "../server/server";
import type { MarkdownProps } from "./Markdown";

type Shown = (props: MarkdownProps) => preact.JSX.Element;

let shown: Shown | undefined;
let loading: Promise<void> | undefined;

/** Loads what shows Markdown: it is larger than the rest of the page. */
export function loadMarkdown(): Promise<void> {
  loading ??= import("./Markdown").then(
    (module) => {
      shown = module.Markdown;
    },
    () => {
      loading = undefined;
    },
  );
  return loading;
}

/** The text as Markdown; until what shows that is here, as it is written. */
export function Markdown(props: MarkdownProps) {
  const { connection } = useServer();
  const [, setLoaded] = useState(shown !== undefined);
  useEffect(() => {
    let isMounted = true;
    const load = () => void loadMarkdown().then(() => isMounted && setLoaded(shown !== undefined));
    if (shown === undefined) load();
    const unwatch = connection.watch((reach) => {
      if (reach === "reached" && shown === undefined) load();
    });
    return () => {
      unwatch();
      isMounted = false;
    };
  }, []);
  if (shown === undefined) return <div class="plain-text">{props.text}</div>;
  const Shown = shown;
  return <Shown {...props} />;
}
