import type { enEmbed } from "./en-embed";

export const jaEmbed: typeof enEmbed = {
  embedName: "会話",
  newConversation: "新しい会話",
  embedNoSource: "接続先のサーバーがありません。src 属性を指定してください。",
  embedNoAddress: (src) => `接続先のサーバーがありません。${src} はウェブアドレスではありません。`,
  embedGone: "このページからサーバーに接続できません。応答があるまで再試行します。",
  embedGoneWhy: (origin) =>
    `サーバーが動作している場合は、SELTZER_ALLOWED_ORIGINS に ${origin} が含まれているか確認してください。`,
  embedWhichGraph: (names) =>
    `使用するグラフが決まっていません。graph 属性に次のいずれかを指定してください: ${names}`,
};
