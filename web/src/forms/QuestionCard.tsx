import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { CodeBox } from "../chat/CodeBox";
import { isPlainEnter } from "../chat/keys";
import { isObject, jsonIn, pretty } from "../state";
import { CheckIcon } from "../look/icons";
import { useWords } from "../words";
import { optionLabel, optionValue, type Ask } from "./asks";
import { Form } from "./Form";
import { fieldOf, initialOf } from "./schema";

interface Props {
  readonly ask: Extract<Ask, { kind: "question" }>;
  readonly isOne: boolean;
  readonly isAnswered: boolean;
  readonly onAnswer: (answer: unknown) => void;
  readonly withdraw: ComponentChild;
}

/** A question that is answered by a choice, by words, by a form or by JSON. */
export function QuestionCard({ ask, isOne, isAnswered, onAnswer, withdraw }: Props) {
  const words = useWords();
  return (
    <div class="ask">
      <p class="ask-title" dir="auto">
        {ask.title || words.asksYou}
        {isAnswered && (
          <span class="review-decided">
            <CheckIcon />
          </span>
        )}
      </p>
      {ask.detail !== undefined && <CodeBox label={words.details} text={pretty(ask.detail)} />}
      {ask.options.length > 0 && (
        <div class="form-actions is-start">
          {ask.options.map((option, at) => (
            <button key={at} type="button" class="button" onClick={() => onAnswer(optionValue(option))}>
              {optionLabel(option)}
            </button>
          ))}
        </div>
      )}
      {isObject(ask.schema) ? (
        <SchemaAnswer schema={ask.schema} onAnswer={onAnswer} withdraw={withdraw} />
      ) : (
        <TextAnswer isOne={isOne} onAnswer={onAnswer} withdraw={withdraw} />
      )}
    </div>
  );
}

interface AnswerProps {
  readonly onAnswer: (answer: unknown) => void;
  readonly withdraw: ComponentChild;
}

function SchemaAnswer({ schema, onAnswer, withdraw }: AnswerProps & { schema: unknown }) {
  const words = useWords();
  const [value, setValue] = useState(() => initialOf(fieldOf(schema)));
  return (
    <form
      class="review-form"
      onSubmit={(event) => {
        event.preventDefault();
        onAnswer(value ?? null);
      }}
    >
      <Form schema={schema} value={value} problem={null} onChange={setValue} />
      <div class="form-actions">
        {withdraw}
        <button type="submit" class="button is-main">
          {words.answerAction}
        </button>
      </div>
    </form>
  );
}

/** Words, sent as a text; or JSON, if the reader says so. */
function TextAnswer({ isOne, onAnswer, withdraw }: AnswerProps & { isOne: boolean }) {
  const words = useWords();
  const [text, setText] = useState("");
  const [isJson, setJson] = useState(false);
  const isBroken = isJson && jsonIn(text) === undefined;
  const send = () => {
    if (isBroken || !text.trim()) return;
    onAnswer(isJson ? jsonIn(text) : text);
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
        class={isJson ? "field is-code" : "field"}
        dir="auto"
        rows={isJson ? 4 : 1}
        aria-label={words.yourAnswer}
        placeholder={words.yourAnswer}
        aria-invalid={isBroken && text !== ""}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (isJson || !isPlainEnter(event)) return;
          event.preventDefault();
          send();
        }}
        onBlur={() => {
          if (!isOne && text.trim() && !isBroken) send();
        }}
      />
      {isBroken && text !== "" && <p class="field-problem">{words.notJson}</p>}
      <div class="form-actions">
        <button
          type="button"
          class="button is-quiet is-start"
          aria-pressed={isJson}
          onClick={() => setJson(!isJson)}
        >
          {isJson ? words.answerAsText : words.answerAsJson}
        </button>
        {withdraw}
        <button type="submit" class="button is-main" disabled={isBroken || !text.trim()}>
          {words.answerAction}
        </button>
      </div>
    </form>
  );
}
