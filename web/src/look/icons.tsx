/** The page's icons, drawn on 24 x 24. They are decoration: what they mean is said by a label beside them. */
import type { ComponentChildren } from "preact";

const icon = (shape: ComponentChildren) => () => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    {shape}
  </svg>
);

export const AlertIcon = icon(<path d="M12 4 2.8 19.5h18.4L12 4Zm0 6v4.5m0 2.6v.1" />);
export const AskIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M9.8 9.8a2.3 2.3 0 1 1 3.4 2c-.8.4-1.2.9-1.2 1.7m0 2.6v.1" />
  </>,
);
export const ArrowDownIcon = icon(<path d="M12 5v14m-6-6 6 6 6-6" />);
export const ArrowUpIcon = icon(<path d="M12 19V5m-6 6 6-6 6 6" />);
export const BesideIcon = icon(
  <>
    <rect x="3.5" y="5" width="17" height="14" rx="2" />
    <path d="M13.5 5v14" />
  </>,
);
export const BookIcon = icon(
  <path d="M5 4.5h11a3 3 0 0 1 3 3v12H8a3 3 0 0 1-3-3v-12Zm0 12a3 3 0 0 1 3-3h11" />,
);
export const BranchIcon = icon(
  <>
    <circle cx="6" cy="5.5" r="2.2" />
    <circle cx="6" cy="18.5" r="2.2" />
    <circle cx="18" cy="8" r="2.2" />
    <path d="M6 7.7v8.6M18 10.2c0 4.3-6 3.6-10.6 6.6" />
  </>,
);
export const CheckIcon = icon(<path d="m5 12.5 4.5 4.5L19 7.5" />);
export const ChevronIcon = icon(<path d="m9 6 6 6-6 6" />);
export const ClockIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.5V12l3 2" />
  </>,
);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6 6 18" />);
export const CodeIcon = icon(<path d="m8.5 7-5 5 5 5m7-10 5 5-5 5" />);
export const CopyIcon = icon(
  <>
    <rect x="9" y="9" width="11" height="11" rx="2" />
    <path d="M15 5.5A1.5 1.5 0 0 0 13.5 4h-8A1.5 1.5 0 0 0 4 5.5v8A1.5 1.5 0 0 0 5.5 15" />
  </>,
);
export const ExternalIcon = icon(<path d="M9 6h9v9m0-9L7 17" />);
export const FileIcon = icon(<path d="M6 3.5h8l4 4v13H6v-17Zm8 0v4h4" />);
export const GraphIcon = icon(
  <>
    <rect x="3.5" y="9" width="6" height="6" rx="1.5" />
    <rect x="14.5" y="3.5" width="6" height="6" rx="1.5" />
    <rect x="14.5" y="14.5" width="6" height="6" rx="1.5" />
    <path d="M9.5 12h2.2c2 0 .8-5.5 2.8-5.5M11.7 12c2 0 .8 5.5 2.8 5.5" />
  </>,
);
export const KeyboardIcon = icon(
  <>
    <rect x="3" y="6.5" width="18" height="11.5" rx="2" />
    <path d="M6.5 10h.01M10 10h.01M13.5 10h.01M17 10h.01M6.5 14.5h.01M17 14.5h.01M9.5 14.5h5" />
  </>,
);
export const LanguageIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M3.5 12h17M12 3.5c5 5 5 12 0 17-5-5-5-12 0-17Z" />
  </>,
);
export const MenuIcon = icon(<path d="M4 7h16M4 12h16M4 17h16" />);
export const MessageIcon = icon(
  <path d="M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 0 1 4 13.5v-7Z" />,
);
export const MoonIcon = icon(<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z" />);
export const MinusIcon = icon(<path d="M6 12h12" />);
export const PaperclipIcon = icon(
  <path d="m19.5 11.5-7.6 7.6a4.5 4.5 0 0 1-6.4-6.4l8-8a3 3 0 0 1 4.3 4.3l-7.9 7.8a1.5 1.5 0 0 1-2.1-2.1l7.1-7.1" />,
);
export const PencilIcon = icon(<path d="m14.5 5.5 4 4L8 20H4v-4L14.5 5.5Z" />);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const PauseIcon = icon(<path d="M9 6v12M15 6v12" />);
export const PlayIcon = icon(<path d="M8 5.5v13l10.5-6.5L8 5.5Z" />);
export const RetryIcon = icon(<path d="M19 12a7 7 0 1 1-2.2-5.1L19 9m0-4.5V9h-4.5" />);
export const RunningIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" opacity="0.3" />
    <path class="icon-turning" d="M12 3.5a8.5 8.5 0 0 1 8.5 8.5" />
  </>,
);
export const RunsIcon = icon(<path d="M4 6h9M8 12h12M4 18h6M17 6h3M14 18h6" />);
export const SearchIcon = icon(
  <>
    <circle cx="11" cy="11" r="6.5" />
    <path d="m16 16 4 4" />
  </>,
);
export const SlidersIcon = icon(
  <>
    <path d="M4 8h8m6 0h2M4 16h2m6 0h8" />
    <circle cx="15" cy="8" r="2.6" />
    <circle cx="9" cy="16" r="2.6" />
  </>,
);
export const StepsIcon = icon(
  <>
    <path d="M8 6h12M8 12h12M8 18h12" />
    <path d="M4 6h.01M4 12h.01M4 18h.01" />
  </>,
);
export const StopIcon = icon(<rect x="7" y="7" width="10" height="10" rx="1.5" />);
export const ThoughtIcon = icon(
  <>
    <path d="M9 17.5h6M10 20.5h4" />
    <path d="M8.6 14.6A6.2 6.2 0 1 1 15.4 14.6c-.6.5-.9 1.1-.9 1.9h-5c0-.8-.3-1.4-.9-1.9Z" />
  </>,
);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4" />
  </>,
);
export const SystemIcon = icon(
  <>
    <rect x="3.5" y="5" width="17" height="11.5" rx="2" />
    <path d="M9 20h6m-3-3.5V20" />
  </>,
);
export const ToolIcon = icon(
  <path d="M14.5 6.5a4 4 0 0 1 5-1.3L17 7.7l.6 2 2 .6 2.3-2.4a4 4 0 0 1-5.5 4.6l-7.3 7.3a2 2 0 0 1-2.9-2.9l7.3-7.3a4 4 0 0 1 1-3.1Z" />,
);
export const TrashIcon = icon(<path d="M5 7h14M10 7V4.5h4V7m3 0-.7 12.5H7.7L7 7m3.5 4v5m3-5v5" />);
export const FitIcon = icon(
  <path d="M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9m6 0h3.5A1.5 1.5 0 0 1 20 5.5V9m0 6v3.5a1.5 1.5 0 0 1-1.5 1.5H15m-6 0H5.5A1.5 1.5 0 0 1 4 18.5V15" />,
);
export const UnfoldIcon = icon(<path d="m8 9 4-4 4 4m-8 6 4 4 4-4" />);
export const FoldIcon = icon(<path d="m8 4.5 4 4 4-4m-8 15 4-4 4 4" />);
