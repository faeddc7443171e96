/** The module that a page loads for `<agent-chat>`. */
import "../look/tokens.css";
import "../look/base.css";
import "../shell/shell.css";
import "../chat/chat.css";
import "./embed.css";
import { AgentChat } from "./AgentChat";

export { AgentChat };

// Of two servers' modules in one page, the first defines the element: its src says which server it shows.
if (!customElements.get("agent-chat")) customElements.define("agent-chat", AgentChat);
