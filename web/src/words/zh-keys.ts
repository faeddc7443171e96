import type { enKeys } from "./en-keys";

export const zhKeys: typeof enKeys = {
  shortcuts: "键盘快捷键",
  keysEverywhere: "任何位置",
  keysInChat: "输入与回答",
  keysInGraph: "图中",
  keyMessage: "写消息",
  keySearch: "搜索会话",
  keyList: "此列表",
  keyAnywhere: "此列表（输入时也可用）",
  keyNewLine: "换行",
  keyMove: "沿边移动",
  keyDetails: "节点详情",
  keyUnfold: "展开或折叠子图",
  keyEvents: "逐个事件移动",
  keyNames: { ctrl: "Ctrl", shift: "Shift", enter: "Enter", esc: "Esc", space: "空格", arrows: "方向键" },
  singleKeys: "启用单键快捷键",
  singleKeysNote: "输入文字时不起作用。如果与您的辅助工具冲突，请在此关闭。",
};
