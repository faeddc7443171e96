import type { Words } from "./en";
import { zhChat } from "./zh-chat";
import { zhEmbed } from "./zh-embed";
import { zhGraph } from "./zh-graph";
import { zhKeys } from "./zh-keys";
import { zhRuns } from "./zh-runs";

export const zh: Words = {
  languageName: "简体中文",

  skip: "跳到正文",
  graphs: "图",
  threads: "会话",
  newThread: "新会话",
  openMenu: "打开菜单",
  closeMenu: "关闭菜单",
  chat: "聊天",
  graph: "图结构",
  views: "视图",
  noThreads: "你的会话会显示在这里。",
  docs: "API 文档",
  language: "语言",
  theme: "主题",
  themeSystem: "跟随系统",
  themeLight: "浅色",
  themeDark: "深色",
  version: (version) => `Seltzer 版本 ${version}`,
  loading: "正在加载",
  brokenGraph: (name) => `无法加载 ${name}`,
  unknownGraph: (name) => `这里没有名为 ${name} 的图。`,
  noGraphs: "这里没有提供任何图。",

  offline: "你已离线。屏幕上的内容会保留，恢复连接后继续。",
  gone: "服务器没有响应，正在不断重试。",
  failed: "服务器返回了错误。",
  tryAgain: "重试",
  reload: "重新加载",
  newVersion: "此页面有新版本。",

  askHeading: (graph) => `想让 ${graph} 做什么？`,
  message: "消息",
  send: "发送",
  stop: "停止",
  you: "你",
  answering: "正在回答",
  answered: "回答已完成。",
  stopped: "已停止。",
  demoModel: "当前由演示模型回答，内容是预先写好的。",
  demoHow: "要使用真实模型，请设置 MODEL、OPENAI_API_KEY 或 OPENAI_BASE_URL，然后重新启动服务器。",
  starters: "从这里开始",
  starterSum: "71的平方根是多少？",
  starterThink: "说说你的思考过程",
  starterLong: "给我一个长回答",
  ...zhChat,
  ...zhEmbed,
  ...zhRuns,

  // Answers in Markdown
  code: "代码",
  notCopied: "无法复制",
  table: "表格",
  draw: "绘图",
  drawing: "正在绘图",
  source: "源代码",
  diagram: "图表",
  notDrawn: "无法绘制这段内容。",

  // The graph
  ...zhGraph,
  ...zhKeys,
};
