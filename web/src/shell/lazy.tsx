import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useServer } from "../server/server";
import { Notice } from "./Notice";
import { useWords } from "../words";

/** Returns a component whose code comes when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const words = useWords();
    const { connection } = useServer();
    const [failed, setFailed] = useState(false);
    const [, setLoaded] = useState(loaded !== undefined); // not the component: a hook would call it
    const get = () => {
      setFailed(false);
      load().then(
        (component) => {
          loaded = component;
          setLoaded(true);
        },
        () => setFailed(true),
      );
    };
    useEffect(() => {
      if (loaded === undefined) get();
      return connection.watch((reach) => {
        if (reach === "reached" && loaded === undefined) get();
      });
    }, []);
    if (loaded !== undefined) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    if (failed) return <Notice text={words.gone} action={words.tryAgain} onAction={get} />;
    return <p class="note placeholder">{words.loading}</p>;
  };
}
