/** The strings of the graph's drawing, in Japanese. */
import type { Words } from "./en";

export const jaGraph = {
  drawingOf: (graph) => `グラフ ${graph} の図`,
  drawingTools: "図の操作",
  graphNotDrawn: "グラフを描画できませんでした。",
  startMark: "開始",
  endMark: "終了",
  subGraph: (name) => `サブグラフ ${name}`,
  nodeStates: {
    idle: "未実行",
    running: "実行中",
    done: "完了",
    waiting: "待機中",
    failed: "失敗",
    stopped: "停止",
  },
  presumed: "まだ何も出力されていません。",
  times: (count) => `${count} 回`,
  atOnce: (count) => `${count} 件を並行`,
  tookMs: (time) => `${time} ミリ秒`,
  tookMinutes: (minutes, seconds) => `${minutes} 分 ${seconds} 秒`,
  inAndOut: (input, output) => `入力 ${input} · 出力 ${output}`,

  zoomIn: "拡大",
  zoomOut: "縮小",
  zoomFit: "全体を表示",
  unfold: (name) => `${name} を展開`,
  foldUp: (name) => `${name} を折りたたむ`,
  unfoldAll: "サブグラフをすべて展開",
  foldAll: "サブグラフをすべて折りたたむ",

  aboutNode: (name) => `${name} の詳細`,
  itsRuns: "実行",
  atWork: "進行中",
  itsTime: "時間",
  itsTokens: "トークン",
  itsCost: "費用",
  itsModels: "モデル",
  itsTools: "ツール",
  lastWritten: "最後に書き込んだ内容",
  toTheChat: "チャットで回答",
  nothingWritten: "何も書き込んでいません。",

  asList: "ノードの一覧と実行内容",
  leadsTo: (target, label, isConditional) =>
    `${target} へ${label ? `（${label}）` : ""}${isConditional ? "、条件付き" : ""}`,
  wasTaken: "通過",

  graphBeside: "この会話のグラフ",
  showGraphBeside: "チャットの横にグラフを表示",

  shownRun: "実行",
  newestRun: "最新の実行",
  noRun: "まだ実行されていません。実行が始まるとノードが点灯します。",
  runStates: {
    queued: "待機中",
    running: "実行中",
    finished: "完了",
    interrupted: "回答待ち",
    cancelled: "停止",
    failed: "失敗",
  },
} satisfies Partial<Words>;
