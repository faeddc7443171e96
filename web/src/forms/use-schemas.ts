import { useEffect, useState } from "preact/hooks";
import { getSchemas, type Schemas } from "../server/schemas";

/** Returns a graph's schemas, null until the server has said them. */
export function useSchemas(graph: string): Schemas | null {
  const [schemas, setSchemas] = useState<Schemas | null>(null);
  useEffect(() => {
    let isShown = true;
    getSchemas(graph).then(
      (found) => isShown && setSchemas(found),
      () => isShown && setSchemas({ input: {}, context: null }),
    );
    return () => {
      isShown = false;
    };
  }, [graph]);
  return schemas;
}
