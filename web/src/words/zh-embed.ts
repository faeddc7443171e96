import type { enEmbed } from "./en-embed";

export const zhEmbed: typeof enEmbed = {
  embedName: "对话",
  newConversation: "新对话",
  embedNoSource: "尚未指定服务器：缺少 src 属性。",
  embedNoAddress: (src) => `无法连接服务器：${src} 不是有效的网址。`,
  embedGone: "此页面连不上服务器。正在重试，直到服务器响应。",
  embedGoneWhy: (origin) => `如果服务器正在运行，请检查 SELTZER_ALLOWED_ORIGINS 是否包含 ${origin}。`,
  embedWhichGraph: (names) => `不知道要使用哪个图。graph 属性可以是：${names}。`,
};
