import type { ComponentChild } from "preact";
import { StepsIcon } from "../look/icons";
import { childKey, isGroup, type AiMessage, type Group, type Item } from "../state";
import { useWords } from "../words";
import { AnswerText, StepText } from "./Texts";
import { Fold } from "./Fold";
import { Json } from "./Json";
import { memo } from "./memo";
import { othersIn } from "./model/steps";
import { Reasoning } from "./Reasoning";
import { ToolCard } from "./ToolCard";

interface Props {
  readonly children: readonly (Item | Group)[];
  /** Whether the last of them may still grow. */
  readonly isOpen: boolean;
  /** The turn's answer, as far as that is known; the other texts are steps. */
  readonly answerId: string | null;
}

/** What a run has done, in its order. */
export function ItemList({ children, isOpen, answerId }: Props) {
  return (
    <>
      {children.map((each, at) =>
        isGroup(each) ? (
          <GroupView
            key={childKey(each)}
            group={each}
            isRunning={isOpen && at === children.length - 1}
            answerId={answerId}
          />
        ) : (
          <ItemView
            key={childKey(each)}
            item={each}
            isOpen={isOpen}
            isAnswer={each.type === "message" && each.id === answerId}
          />
        ),
      )}
    </>
  );
}

interface ItemProps {
  readonly item: Item;
  readonly isOpen: boolean;
  readonly isAnswer: boolean;
}

const ItemView = memo<ItemProps>(function ItemView({ item, isOpen, isAnswer }) {
  const words = useWords();
  switch (item.type) {
    case "message":
      return <Message message={item} isOpen={isOpen} isAnswer={isAnswer} />;
    case "tool":
      return <ToolCard call={item.call} isOpen={isOpen} />;
    case "step": {
      const others = othersIn(item.values);
      return others === undefined ? null : (
        <Json value={others} label={words.stepOf(item.path.at(-1) ?? "")} />
      );
    }
    case "custom":
      return <Json value={item.value} label={words.customEvent} />;
    case "raw":
      return <Json value={item.data} label={item.kind} />;
  }
});

interface MessageProps {
  readonly message: AiMessage;
  /** Whether its run goes on. */
  readonly isOpen: boolean;
  readonly isAnswer: boolean;
}

/** What a model has written: its thinking, its text and its calls. */
function Message({ message, isOpen, isAnswer }: MessageProps): ComponentChild {
  const { text, files, reasoning, calls } = message;
  const isWriting = isOpen && !message.isDone;
  const hasBegun = Boolean(text.trim()) || files.length > 0;
  return (
    <>
      {reasoning && <Reasoning message={message} isOpen={isWriting} />}
      {hasBegun &&
        (isAnswer ? (
          <AnswerText message={message} isOpen={isWriting} />
        ) : (
          <StepText message={message} isOpen={isWriting} />
        ))}
      {calls.map((call) => (
        <ToolCard key={call.index} call={call} isOpen={isOpen} />
      ))}
    </>
  );
}

interface GroupProps {
  readonly group: Group;
  readonly isRunning: boolean;
  readonly answerId: string | null;
}

/** What a sub-graph or sub-agent does. */
const GroupView = memo<GroupProps>(function GroupView({ group, isRunning, answerId }) {
  const words = useWords();
  return (
    <Fold
      icon={<StepsIcon />}
      title={group.name}
      note={words.stepsCount(group.children.length)}
      isRunning={isRunning}
    >
      <div class="group">
        <ItemList isOpen={isRunning} answerId={answerId}>
          {group.children}
        </ItemList>
      </div>
    </Fold>
  );
});
