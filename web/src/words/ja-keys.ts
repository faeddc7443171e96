import type { enKeys } from "./en-keys";

export const jaKeys: typeof enKeys = {
  shortcuts: "キーボードショートカット",
  keysEverywhere: "どこでも",
  keysInChat: "入力と回答",
  keysInGraph: "グラフ",
  keyMessage: "メッセージを書く",
  keySearch: "スレッドを検索",
  keyList: "この一覧",
  keyAnywhere: "この一覧（入力中でも）",
  keyNewLine: "改行",
  keyMove: "エッジに沿って移動",
  keyDetails: "ノードの詳細",
  keyUnfold: "サブグラフの展開・折りたたみ",
  keyEvents: "イベントを 1 つずつ移動",
  keyNames: { ctrl: "Ctrl", shift: "Shift", enter: "Enter", esc: "Esc", space: "スペース", arrows: "矢印" },
  singleKeys: "1 文字のキーを使う",
  singleKeysNote: "文字の入力中は働きません。お使いの支援ツールと重なるときはオフにしてください。",
};
