import type { Words } from "./en";
import { jaChat } from "./ja-chat";
import { jaEmbed } from "./ja-embed";
import { jaGraph } from "./ja-graph";
import { jaKeys } from "./ja-keys";
import { jaRuns } from "./ja-runs";

export const ja: Words = {
  languageName: "日本語",

  skip: "本文へ移動",
  graphs: "グラフ",
  threads: "スレッド",
  newThread: "新しいスレッド",
  openMenu: "メニューを開く",
  closeMenu: "メニューを閉じる",
  chat: "チャット",
  graph: "グラフ図",
  views: "表示",
  noThreads: "会話はここに表示されます。",
  docs: "API ドキュメント",
  language: "言語",
  theme: "テーマ",
  themeSystem: "システムに合わせる",
  themeLight: "ライト",
  themeDark: "ダーク",
  version: (version) => `Seltzer バージョン ${version}`,
  loading: "読み込み中",
  brokenGraph: (name) => `${name} を読み込めません`,
  unknownGraph: (name) => `グラフ ${name} はここにありません。`,
  noGraphs: "ここで提供されているグラフはありません。",

  offline: "オフラインです。表示中の内容はそのまま残り、接続が戻ると続きます。",
  gone: "サーバーが応答しません。応答があるまで再接続を試みます。",
  failed: "サーバーがエラーを返しました。",
  tryAgain: "再試行",
  reload: "再読み込み",
  newVersion: "このページの新しいバージョンがあります。",

  askHeading: (graph) => `${graph} に何を頼みますか？`,
  message: "メッセージ",
  send: "送信",
  stop: "停止",
  you: "あなた",
  answering: "回答中",
  answered: "回答が完了しました。",
  stopped: "停止しました。",
  demoModel: "デモモデルが回答しています。内容はあらかじめ用意されたものです。",
  demoHow:
    "実際のモデルを使うには MODEL、OPENAI_API_KEY、OPENAI_BASE_URL のいずれかを設定し、サーバーを再起動してください。",
  starters: "はじめの一歩",
  starterSum: "71の平方根は？",
  starterThink: "声に出して考えて",
  starterLong: "長い答えをください",
  ...jaChat,
  ...jaEmbed,
  ...jaRuns,

  // Answers in Markdown
  code: "コード",
  notCopied: "コピーできませんでした",
  table: "表",
  draw: "図を描く",
  drawing: "描いています",
  source: "ソース",
  diagram: "図",
  notDrawn: "図として描けない内容です。",

  // The graph
  ...jaGraph,
  ...jaKeys,
};
