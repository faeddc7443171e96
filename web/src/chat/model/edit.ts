/** Changing trees of blocks: what doesn't change stays the same object. */
import type { Block, GroupBlock } from "./blocks";

export type Blocks = readonly Block[];

/** What a key has in it of a message that had no id yet: the thread has it by another key. */
export const UNNAMED = "unnamed:";

/** Whether a block of the key is there, at any depth. Looks from the end, where most changes are. */
export function has(blocks: Blocks, key: string): boolean {
  for (let at = blocks.length - 1; at >= 0; at--) {
    const block = blocks[at] as Block;
    if (block.key === key || (block.kind === "group" && has(block.blocks, key))) return true;
  }
  return false;
}

/** Returns the blocks with the one of the key changed. */
export function changed(blocks: Blocks, key: string, change: (block: Block) => Block): Blocks {
  for (let at = blocks.length - 1; at >= 0; at--) {
    const block = blocks[at] as Block;
    if (block.key === key) return replaced(blocks, at, change(block));
    if (block.kind === "group" && has(block.blocks, key)) {
      return replaced(blocks, at, { ...block, blocks: changed(block.blocks, key, change) });
    }
  }
  return blocks;
}

export const appended = (blocks: Blocks, block: Block): Blocks => [...blocks, block];

/** Returns the blocks with one more in the group of a namespace, which is made if it isn't there. */
export function put(blocks: Blocks, namespace: readonly string[], block: Block): Blocks {
  const [first, ...deeper] = namespace;
  if (first === undefined) return appended(blocks, block);
  const key = `group:${first}`;
  const at = blocks.findIndex((each) => each.key === key);
  const found = blocks[at];
  if (found?.kind === "group") {
    return replaced(blocks, at, { ...found, blocks: put(found.blocks, deeper, block) });
  }
  const name = first.split(":", 1)[0] ?? first;
  const group: GroupBlock = { kind: "group", key, name, blocks: put([], deeper, block), isOpen: true };
  return appended(blocks, group);
}

/** Returns the blocks of a run that has ended: nothing in it runs any more. */
export function closed(blocks: Blocks, now: number | null, isWaiting: boolean): Blocks {
  return blocks.map((block) => {
    if (block.kind === "group")
      return { ...block, isOpen: false, blocks: closed(block.blocks, now, isWaiting) };
    if (block.kind === "reasoning" && block.time.to === null)
      return { ...block, time: { ...block.time, to: now } };
    if (block.kind === "tool" && block.status === "running") return { ...block, status: "waiting" };
    return block;
  });
}

/**
 * Returns what was seen of a turn, completed by what its thread has of it.
 *
 * The thread's text counts; what only the run has shown, as steps and times, stays.
 */
export function merged(stored: Blocks, seen: Blocks): Blocks {
  const kept = new Map(stored.map((block) => [block.key, block]));
  const result: Block[] = [];
  let held: Block[] = []; // of the run alone: they come after what the thread has before them
  let next = 0;
  for (const block of seen) {
    if (stored.length > 0 && block.key.includes(UNNAMED)) continue;
    const own = kept.get(block.key);
    if (own === undefined) {
      held.push(block);
      continue;
    }
    const at = stored.indexOf(own);
    result.push(...stored.slice(next, Math.max(next, at)).filter((each) => !has(seen, each.key)), ...held);
    result.push(completed(block, own));
    held = [];
    next = Math.max(next, at + 1);
  }
  return [...result, ...held, ...stored.slice(next).filter((each) => !has(seen, each.key))];
}

function completed(seen: Block, own: Block): Block {
  if (seen.kind === "text" && own.kind === "text") {
    return { ...own, node: seen.node, isStep: seen.isStep };
  }
  if (seen.kind === "tool" && own.kind === "tool") return { ...own, time: seen.time };
  return seen;
}

function replaced(blocks: Blocks, at: number, block: Block): Blocks {
  if (blocks[at] === block) return blocks;
  const copy = blocks.slice();
  copy[at] = block;
  return copy;
}
