import { useLayoutEffect, useState } from "preact/hooks";
import { hashOf, routeOf, type Route } from "./route";

/** Returns the route that the address shows, now and whenever it changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useLayoutEffect(() => {
    const changed = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

/** Goes to the route; replace: without a step back to where the reader was. */
export function navigate(route: Route, { replace = false } = {}): void {
  if (!replace) {
    location.hash = hashOf(route);
    return;
  }
  history.replaceState(null, "", hashOf(route));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
