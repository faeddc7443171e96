/** What makes a block finer once there is time: one thing at a time, between the frames. */
import { highlight } from "./highlight";
import { drawnMath, loadMath } from "./math";

type Work = () => Promise<void>;

const queue: Work[] = [];
let isWorking = false;

/** Colours the code in the element and draws its formulas, soon. */
export function finish(host: HTMLElement): void {
  for (const frame of host.querySelectorAll<HTMLElement>(".code-frame")) queue.push(() => highlight(frame));
  if (hasMath(host)) queue.push(() => refineMath(host));
  if (!isWorking && queue.length > 0) void work();
}

function hasMath(host: HTMLElement): boolean {
  return host.querySelector("code[data-math]") !== null;
}

/** Draws the formulas in the element. What can't be read as one stays as it is written. */
async function refineMath(host: HTMLElement): Promise<void> {
  await loadMath();
  for (const code of host.querySelectorAll<HTMLElement>("code[data-math]")) {
    const drawn = drawnMath(code);
    if (drawn) code.replaceWith(drawn);
    else delete code.dataset["math"];
  }
}

/** Has the formulas of a block that isn't finished drawn, from its next token on. */
export function prepare(host: HTMLElement): void {
  if (hasMath(host)) loadMath().catch(ignore);
}

async function work(): Promise<void> {
  isWorking = true;
  for (let next = queue.shift(); next; next = queue.shift()) {
    await idle();
    await next().catch(ignore);
  }
  isWorking = false;
}

function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(() => resolve(), { timeout: 500 });
    else setTimeout(resolve);
  });
}

/** A chunk that can't be loaded: the text stays as it is. */
function ignore(): void {}
