import { memo } from "preact/compat";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useWords, type Words } from "../words";
import { act } from "./actions";
import { Blocks, GROUP, type Block } from "./blocks";
import { build } from "./build";
import { finish, prepare } from "./later";
import { patch } from "./patch";
import { closed } from "./unfinished";
import "./markdown.css";

type Groups = readonly (readonly Block[])[];

export interface MarkdownProps {
  readonly text: string;
  /** Whether more of the text is to come. */
  readonly isLive: boolean;
}

/** A text in Markdown, as it comes: at most once a frame, and only its last block is rendered again. */
export function Markdown({ text, isLive }: MarkdownProps) {
  const words = useWords();
  const [groups, live] = useBlocks(text, isLive);
  return (
    <div class="markdown" onClick={(event) => void act(event, words)}>
      {withLive(groups, live).map((blocks, index) => (
        <Group key={index} blocks={blocks} live={live} words={words} />
      ))}
    </div>
  );
}

/** Adds the block that isn't finished where it will be when it is: then its nodes stay the same. */
function withLive(groups: Groups, live: Block | null): Groups {
  if (live === null) return groups;
  const last = groups.at(-1);
  if (last === undefined || last.length >= GROUP) return [...groups, [live]];
  return [...groups.slice(0, -1), [...last, live]];
}

interface GroupProps {
  readonly blocks: readonly Block[];
  readonly live: Block | null;
  readonly words: Words;
}

/** Blocks that are compared at once, by their array, and laid out when they are seen. */
const Group = memo(
  ({ blocks, live, words }: GroupProps) => (
    <div class={blocks.length < GROUP ? "blocks" : "blocks is-full"}>
      {blocks.map((block) => (
        <BlockView key={block.key} block={block} isLive={block === live} words={words} />
      ))}
    </div>
  ),
  (before, after) => before.blocks === after.blocks && before.words === after.words,
);

/** One block: its nodes aren't Preact's, and a finished one's are never touched again. */
const BlockView = memo(
  ({ block, isLive, words }: { block: Block; isLive: boolean; words: Words }) => {
    const host = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => {
      if (host.current === null) return;
      patch(host.current, build(block.tokens, words));
      if (isLive) prepare(host.current);
      else finish(host.current);
    }, [block, isLive, words]);
    return <div class="block" ref={host} />;
  },
  (before, after) =>
    before.block === after.block && before.isLive === after.isLive && before.words === after.words,
);

/** Returns the text's finished blocks, in groups, and the one that isn't. */
function useBlocks(text: string, isLive: boolean): [Groups, Block | null] {
  const [, setTurn] = useState(0);
  const reading = useRef<Reading | null>(null);
  reading.current ??= read(null, text, isLive);
  const wanted = useRef({ text, isLive });
  wanted.current = { text, isLive };

  const frame = useRef(0);
  const request = () => {
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      reading.current = read(reading.current, wanted.current.text, wanted.current.isLive);
      setTurn((turn) => turn + 1);
    });
  };
  const { text: shown, isLive: wasLive, isDone } = reading.current;
  useEffect(() => {
    if ((shown !== text || wasLive !== isLive || !isDone) && frame.current === 0) request();
  });
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return [reading.current.blocks.groups, reading.current.live];
}

/** How far a text has been read. */
interface Reading {
  readonly text: string;
  readonly isLive: boolean;
  readonly isDone: boolean;
  readonly blocks: Blocks;
  readonly live: Block | null;
}

/** Reads a text on, or from its start if it isn't the same. */
function read(before: Reading | null, text: string, isLive: boolean): Reading {
  const blocks = before?.blocks.continuesAs(text) ? before.blocks : new Blocks();
  const isDone = blocks.feed(text, isLive);
  const source = isDone && isLive ? closed(blocks.rest) : "";
  return { text, isLive, isDone, blocks, live: source ? blocks.live(source) : null };
}
