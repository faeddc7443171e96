import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { CodeBox } from "../chat/CodeBox";
import { isPlainEnter } from "../chat/keys";
import { isObject, pretty } from "../state";
import { CheckIcon, ToolIcon } from "../look/icons";
import { useWords, type Words } from "../words";
import { schemaOfArgs, type Ask, type Decision, type Review } from "./asks";
import { Form } from "./Form";

interface Props {
  readonly ask: Extract<Ask, { kind: "review" }>;
  /** Whether it is the only question: then a decision is sent as soon as it is made. */
  readonly isOne: boolean;
  readonly isAnswered: boolean;
  readonly onAnswer: (answer: unknown) => void;
  readonly withdraw: ComponentChild;
}

/** Calls of tools that a person approves, edits or rejects. */
export function ReviewCard({ ask, isOne, onAnswer, withdraw }: Props) {
  const words = useWords();
  const [decisions, setDecisions] = useState<ReadonlyMap<number, Decision>>(new Map());
  const { reviews } = ask;
  const isSingle = reviews.length === 1;
  const decide = (at: number, decision: Decision) => {
    const next = new Map(decisions).set(at, decision);
    setDecisions(next);
    if (next.size === reviews.length && (isSingle || !isOne)) onAnswer(ask.answer(inOrder(next, reviews)));
  };
  return (
    <div class="ask">
      <p class="ask-title" dir="auto">
        {ask.title || words.reviewTitle(reviews.length)}
      </p>
      {reviews.map((review, at) => (
        <ReviewPart
          key={at}
          review={review}
          decided={decisions.get(at)}
          onDecide={(decision) => decide(at, decision)}
        />
      ))}
      <div class="form-actions">
        {withdraw}
        {isOne && !isSingle && (
          <button
            type="button"
            class="button is-main"
            disabled={decisions.size < reviews.length}
            onClick={() => onAnswer(ask.answer(inOrder(decisions, reviews)))}
          >
            {words.sendAnswers(decisions.size, reviews.length)}
          </button>
        )}
      </div>
    </div>
  );
}

function inOrder(decisions: ReadonlyMap<number, Decision>, reviews: readonly Review[]): Decision[] {
  return reviews.map((_, at) => decisions.get(at) ?? { type: "approve" });
}

interface PartProps {
  readonly review: Review;
  readonly decided: Decision | undefined;
  readonly onDecide: (decision: Decision) => void;
}

function ReviewPart({ review, decided, onDecide }: PartProps) {
  const words = useWords();
  const [mode, setMode] = useState<"edit" | "reject" | "respond" | null>(null);
  const names: Record<Decision["type"], string> = {
    approve: words.approve,
    edit: words.editArgs,
    reject: words.reject,
    respond: words.respond,
  };
  const choose = (type: Decision["type"]) => {
    if (type !== "approve") return setMode(type);
    setMode(null);
    onDecide({ type });
  };
  return (
    <div class="review">
      <p class="review-name">
        <ToolIcon />
        <b dir="auto">{review.name}</b>
        {decided && (
          <span class="review-decided">
            <CheckIcon />
            {names[decided.type]}
          </span>
        )}
      </p>
      {review.description && (
        <p class="note is-pre" dir="auto">
          {review.description}
        </p>
      )}
      {mode !== "edit" && <Args args={review.args} words={words} />}
      {mode === "edit" && <ArgsEditor review={review} onDecide={onDecide} onClose={() => setMode(null)} />}
      {(mode === "reject" || mode === "respond") && (
        <Words
          type={mode}
          label={mode === "reject" ? words.rejectWhy : words.respond}
          action={names[mode]}
          onDecide={onDecide}
          onClose={() => setMode(null)}
        />
      )}
      {mode === null && (
        <div class="form-actions is-start">
          {review.allowed.map((type) => (
            <button
              key={type}
              type="button"
              class={type === "approve" ? "button is-main" : "button"}
              aria-pressed={decided ? decided.type === type : undefined}
              onClick={() => choose(type)}
            >
              {names[type]}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function Args({ args, words }: { args: Review["args"]; words: Words }) {
  const entries = Object.entries(args);
  if (entries.length === 0) return null;
  if (entries.some(([, value]) => typeof value === "object" && value !== null)) {
    return <CodeBox label={words.arguments} text={pretty(args)} />;
  }
  return (
    <dl class="fields">
      {entries.map(([name, value]) => (
        <div key={name} class="fields-row">
          <dt>{name}</dt>
          <dd class="is-pre" dir="auto">
            {String(value)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function ArgsEditor({ review, onDecide, onClose }: Omit<PartProps, "decided"> & { onClose: () => void }) {
  const words = useWords();
  const [args, setArgs] = useState<unknown>(review.args);
  const schema = isObject(review.schema) ? review.schema : schemaOfArgs(review.args);
  return (
    <form
      class="review-form"
      onSubmit={(event) => {
        event.preventDefault();
        onDecide({ type: "edit", args });
        onClose();
      }}
    >
      <Form schema={schema} value={args} problem={null} onChange={setArgs} />
      <div class="form-actions is-start">
        <button type="submit" class="button is-main">
          {words.approveEdited}
        </button>
        <button type="button" class="button is-quiet" onClick={onClose}>
          {words.cancel}
        </button>
      </div>
    </form>
  );
}

interface WordsProps {
  readonly type: "reject" | "respond";
  readonly label: string;
  readonly action: string;
  readonly onDecide: (decision: Decision) => void;
  readonly onClose: () => void;
}

function Words({ type, label, action, onDecide, onClose }: WordsProps) {
  const words = useWords();
  const [message, setMessage] = useState("");
  const send = () => {
    onDecide({ type, message });
    onClose();
  };
  return (
    <form
      class="review-form"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        class="field"
        dir="auto"
        rows={2}
        aria-label={label}
        placeholder={label}
        value={message}
        onInput={(event) => setMessage(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (!isPlainEnter(event)) return;
          event.preventDefault();
          send();
        }}
        ref={(field) => field?.focus()}
      />
      <div class="form-actions is-start">
        <button type="submit" class="button is-main">
          {action}
        </button>
        <button type="button" class="button is-quiet" onClick={onClose}>
          {words.cancel}
        </button>
      </div>
    </form>
  );
}
