import { StepsIcon } from "../look/icons";
import { useWords } from "../words";
import { Files } from "./Files";
import { Fold } from "./Fold";
import { Json } from "./Json";
import { memo } from "./memo";
import type { Block, GroupBlock, TextBlock } from "./model/blocks";
import { Prose } from "./Prose";
import { Reasoning } from "./Reasoning";
import { ToolCard } from "./ToolCard";

interface Props {
  readonly blocks: readonly Block[];
  /** Whether the last of them may still grow. */
  readonly isOpen: boolean;
}

/** What a run has shown, in its order. */
export function BlockList({ blocks, isOpen }: Props) {
  return (
    <>
      {blocks.map((block, at) => (
        <BlockView
          key={block.key}
          block={block}
          isLive={isOpen && at === blocks.length - 1}
          isOpen={isOpen}
        />
      ))}
    </>
  );
}

interface BlockProps {
  readonly block: Block;
  readonly isLive: boolean;
  readonly isOpen: boolean;
}

const BlockView = memo<BlockProps>(function BlockView({ block, isLive, isOpen }) {
  const words = useWords();
  switch (block.kind) {
    case "text":
      return block.isStep ? (
        <StepText block={block} isLive={isLive} />
      ) : (
        <AnswerText block={block} isLive={isLive} />
      );
    case "reasoning":
      return <Reasoning block={block} isLive={isLive} />;
    case "tool":
      return <ToolCard block={block} isOpen={isOpen} />;
    case "group":
      return <Group block={block} isLive={isLive} isOpen={isOpen} />;
    case "step":
      return <Json value={block.values} label={words.stepOf(block.node)} />;
    case "data":
      return <Json value={block.value} label={block.name ?? words.customEvent} />;
  }
});

function AnswerText({ block, isLive }: { block: TextBlock; isLive: boolean }) {
  const words = useWords();
  return (
    <div class="answer-text">
      <Prose text={block.text} isLive={isLive} />
      <Files files={block.files} />
      {block.isIncomplete && <p class="note is-incomplete">{words.incomplete}</p>}
    </div>
  );
}

/** What a step wrote on the way: open while it is written, then folded. */
function StepText({ block, isLive }: { block: TextBlock; isLive: boolean }) {
  const words = useWords();
  return (
    <Fold icon={<StepsIcon />} title={block.node || words.step} isRunning={isLive}>
      <div class="fold-text">
        <Prose text={block.text} isLive={isLive} />
      </div>
    </Fold>
  );
}

/** What a sub-graph or sub-agent does. */
function Group({ block, isLive, isOpen }: { block: GroupBlock; isLive: boolean; isOpen: boolean }) {
  const words = useWords();
  const isRunning = isOpen && isLive;
  return (
    <Fold
      icon={<StepsIcon />}
      title={block.name}
      note={words.stepsCount(block.blocks.length)}
      isRunning={isRunning}
    >
      <div class="group">
        <BlockList blocks={block.blocks} isOpen={isRunning} />
      </div>
    </Fold>
  );
}
