/** Times and numbers as people read them. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Returns a length of time in the units of a language: `840 ms`, `4.2 s`, `3 min 5 s`, `2 h 4 min`. */
export function durationOf(ms: number, language: string): string {
  if (ms < SECOND) return unit(Math.round(ms), "millisecond", language);
  if (ms < 59_950)
    return unit(ms < 9_950 ? Math.round(ms / 100) / 10 : Math.round(ms / SECOND), "second", language);
  const [large, small, most] =
    ms < HOUR ? [MINUTE, SECOND, "minute" as const] : [HOUR, MINUTE, "hour" as const];
  const parts = Math.round(ms / small);
  const perLarge = large / small;
  const rest = parts % perLarge;
  const head = unit(Math.floor(parts / perLarge), most, language);
  if (rest === 0) return head;
  return `${head} ${unit(rest, most === "minute" ? "second" : "minute", language)}`;
}

/** Returns a moment on a run's time line in seconds, or in minutes and seconds: `0.000`, `12.35`, `3:05.1`. */
export function momentOf(ms: number): string {
  if (ms < MINUTE) return (ms / SECOND).toFixed(ms < 10 * SECOND ? 3 : 2);
  const tenths = Math.floor(ms / 100);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${String(((tenths % 600) / 10).toFixed(1)).padStart(4, "0")}`;
}

/** Returns how long ago something was. */
export function agoOf(ms: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const past = Math.max(0, ms);
  if (past < MINUTE) return format.format(-Math.floor(past / SECOND), "second");
  if (past < HOUR) return format.format(-Math.floor(past / MINUTE), "minute");
  if (past < DAY) return format.format(-Math.floor(past / HOUR), "hour");
  return format.format(-Math.floor(past / DAY), "day");
}

export function exactOf(iso: string, language: string): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  return format.format(new Date(iso));
}

export function numberOf(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

function unit(value: number, name: string, language: string): string {
  const format = new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short" });
  return format.format(value);
}
