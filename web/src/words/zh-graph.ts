/** The strings of the graph's drawing, in Chinese. */
import type { Words } from "./en";

export const zhGraph = {
  drawingOf: (graph) => `图 ${graph} 的示意图`,
  drawingTools: "示意图操作",
  graphNotDrawn: "无法绘制该图。",
  startMark: "开始",
  endMark: "结束",
  subGraph: (name) => `子图 ${name}`,
  nodeStates: {
    idle: "未运行",
    running: "运行中",
    done: "已完成",
    waiting: "等待中",
    failed: "失败",
    stopped: "已停止",
  },
  presumed: "尚无任何输出。",
  times: (count) => `${count} 次`,
  atOnce: (count) => `${count} 个并行`,
  tookMs: (time) => `${time} 毫秒`,
  tookMinutes: (minutes, seconds) => `${minutes} 分 ${seconds} 秒`,
  inAndOut: (input, output) => `输入 ${input} · 输出 ${output}`,

  zoomIn: "放大",
  zoomOut: "缩小",
  zoomFit: "适应窗口",
  unfold: (name) => `展开 ${name}`,
  foldUp: (name) => `折叠 ${name}`,
  unfoldAll: "展开所有子图",
  foldAll: "折叠所有子图",

  aboutNode: (name) => `${name} 的详情`,
  itsRuns: "运行",
  atWork: "正在进行",
  itsTime: "用时",
  itsTokens: "词元",
  itsCost: "费用",
  itsModels: "模型",
  itsTools: "工具",
  lastWritten: "最近写入的内容",
  toTheChat: "到聊天中回答",
  nothingWritten: "没有写入任何内容。",

  asList: "节点列表及其运行情况",
  leadsTo: (target, label, isConditional) =>
    `通向 ${target}${label ? `（${label}）` : ""}${isConditional ? "，有条件" : ""}`,
  wasTaken: "已经过",

  graphBeside: "本会话的图",
  showGraphBeside: "在聊天旁显示图",

  shownRun: "运行",
  newestRun: "最近一次运行",
  noRun: "还没有运行。开始运行后，节点会亮起。",
  runStates: {
    queued: "排队中",
    running: "运行中",
    finished: "已完成",
    interrupted: "等待回答",
    cancelled: "已停止",
    failed: "失败",
  },
} satisfies Partial<Words>;
