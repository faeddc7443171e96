import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "./schema";

/** Moves the focus to where the server has found a problem. */
export function useFocus(problem: Problem | null) {
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    if (problem) place.current?.querySelector<HTMLElement>("input, textarea, select, button")?.focus();
  }, [problem?.field, problem?.message]);
  return place as RefObject<never>;
}

/** What a field is for, and what is wrong with it. */
export function Notes({ id, help, message }: { id: string; help: string; message: string | null }) {
  return (
    <>
      {help && (
        <p class="note field-help" id={`${id}-help`} dir="auto">
          {help}
        </p>
      )}
      {message && (
        <p class="field-problem" id={`${id}-problem`} role="alert">
          {message}
        </p>
      )}
    </>
  );
}
