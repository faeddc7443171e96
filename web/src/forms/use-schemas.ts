import { useEffect, useState } from "preact/hooks";
import { useServer } from "../server/server";
import { getSchemas, type Schemas } from "../server/schemas";

/** Returns a graph's schemas, null until the server has said them. */
export function useSchemas(graph: string): Schemas | null {
  const { client } = useServer();
  const [schemas, setSchemas] = useState<Schemas | null>(null);
  useEffect(() => {
    let isShown = true;
    getSchemas(client, graph).then(
      (found) => isShown && setSchemas(found),
      () => isShown && setSchemas({ input: {}, context: null }),
    );
    return () => {
      isShown = false;
    };
  }, [client, graph]);
  return schemas;
}
