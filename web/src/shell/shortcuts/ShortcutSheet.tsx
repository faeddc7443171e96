import { Sheet } from "../../chat/Sheet";
import { useWords, type Words } from "../../words";
import { KEYS, type Key } from "./keys";
import { targetOf } from "./targets";
import type { Shortcuts } from "./use-shortcuts";
import "./shortcuts.css";

type Chord = readonly (keyof Words["keyNames"] | (string & {}))[];

/** The keyboard's shortcuts. What acts everywhere can be chosen here, too. */
export function ShortcutSheet({ shortcuts }: { shortcuts: Shortcuts }) {
  const words = useWords();
  const labels = labelsOf(words);
  return (
    <Sheet title={words.shortcuts} onClose={shortcuts.close}>
      <div class="shortcuts">
        <section class="sheet-part" aria-label={words.keysEverywhere}>
          <h3>{words.keysEverywhere}</h3>
          <ul class="shortcut-list">
            {KEYS.map((key) => (
              <li key={key}>
                <button
                  type="button"
                  class="shortcut"
                  disabled={!canAct(key)}
                  onClick={() => (key === "?" ? shortcuts.close() : shortcuts.choose(key))}
                >
                  {`${labels[key]} `}
                  <Keys chord={[key.toUpperCase()]} />
                </button>
              </li>
            ))}
            <Row label={words.keyAnywhere} chord={["ctrl", "/"]} />
          </ul>
          <div class="shortcut-switch">
            <label>
              <input
                type="checkbox"
                aria-describedby="single-keys"
                checked={shortcuts.areSingleOn}
                onChange={(event) => shortcuts.setSingle(event.currentTarget.checked)}
              />
              {words.singleKeys}
            </label>
            <p id="single-keys" class="note">
              {words.singleKeysNote}
            </p>
          </div>
        </section>
        <div class="shortcuts-rest">
          {groupsOf(words).map(([title, rows]) => (
            <section key={title} class="sheet-part" aria-label={title}>
              <h3>{title}</h3>
              <ul class="shortcut-list">
                {rows.map(([label, chord]) => (
                  <Row key={label} label={label} chord={chord} />
                ))}
              </ul>
            </section>
          ))}
        </div>
      </div>
    </Sheet>
  );
}

const labelsOf = (words: Words): Readonly<Record<(typeof KEYS)[number], string>> => ({
  n: words.newThread,
  m: words.keyMessage,
  t: words.keySearch,
  "1": words.chat,
  "2": words.graph,
  "3": words.runs,
  g: words.showGraphBeside,
  "?": words.keyList,
});

const groupsOf = (words: Words): readonly (readonly [string, readonly (readonly [string, Chord])[]])[] => [
  [
    words.keysInChat,
    [
      [words.send, ["enter"]],
      [words.keyNewLine, ["shift", "enter"]],
      [words.stop, ["esc"]],
    ],
  ],
  [
    words.keysInGraph,
    [
      [words.keyMove, ["arrows"]],
      [words.keyDetails, ["enter"]],
      [words.keyUnfold, ["space"]],
      [words.zoomIn, ["+"]],
      [words.zoomOut, ["−"]],
      [words.zoomFit, ["0"]],
    ],
  ],
  [
    words.timeLine,
    [
      [words.keyEvents, ["arrows"]],
      [words.play, ["space"]],
    ],
  ],
];

function Row({ label, chord }: { label: string; chord: Chord }) {
  return (
    <li class="shortcut">
      {`${label} `}
      <Keys chord={chord} />
    </li>
  );
}

function Keys({ chord }: { chord: Chord }) {
  const { keyNames } = useWords();
  return (
    <span class="shortcut-keys">
      {chord.map((key) => (
        <kbd key={key}>{key in keyNames ? keyNames[key as keyof typeof keyNames] : key}</kbd>
      ))}
    </span>
  );
}

const canAct = (key: Key): boolean =>
  key === "?" || targetOf(key) !== null || (key === "m" && targetOf("1") !== null);
