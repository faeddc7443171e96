/** `<agent-chat>`: the chat with a graph, in any page. docs/how-to/embed-in-a-page.md says how it is used. */
import type { ClientOptions } from "@seltzer/client";
import { render } from "preact";
import { Drafts } from "../chat/drafts";
import type { Host } from "../chat/host";
import type { Extras } from "../chat/shown";
import { Server } from "../server/server";
import { EmbedApp } from "./EmbedApp";
import { newConversation } from "./NewConversation";
import { Reporter } from "./reporter";
import { styleRoot } from "./sheets";
import { Thread } from "./thread";

type Headers = NonNullable<ClientOptions["headers"]>;
type Values = Readonly<Record<string, unknown>>;

const ATTRIBUTES = ["src", "graph", "thread", "lang", "theme", "placeholder", "remember"] as const;
type Attribute = (typeof ATTRIBUTES)[number];
/** What a page may have set before this module was loaded. */
const PROPERTIES = ["headers", "context", "configurable", ...ATTRIBUTES] as const;

export class AgentChat extends HTMLElement {
  static readonly observedAttributes = ATTRIBUTES;

  readonly #root = this.attachShadow({ mode: "open" });
  readonly #thread = new Thread(this);
  readonly #reporter = new Reporter({
    answered: (answer) => this.#emit("answer", answer),
    failed: (code, message) => this.#emit("error", { code, message }),
  });
  readonly #host: Omit<Host, "placeholder">;
  #headers: Headers = {};
  #context: Values | null = null;
  #configurable: Values | null = null;
  #server: Server | null = null;
  #unstyle: (() => void) | null = null;
  #isScheduled = false;

  constructor() {
    super();
    this.#host = {
      drafts: new Drafts(),
      Tools: newConversation(() => this.#changeThread(null)),
      extras: () => this.#extras(),
      onThread: (_, id) => this.#changeThread(id),
      onShown: (conversation, shown) => this.#reporter.shown(conversation, shown),
    };
    for (const name of PROPERTIES) this.#upgrade(name);
  }

  /** What every request carries: an object, or a function that is called for each. */
  get headers(): Headers {
    return this.#headers;
  }
  set headers(value: Headers | null) {
    this.#headers = value ?? {};
  }

  /** The graph's context, and what it reads from `configurable`: its runs are started with them. */
  get context(): Values | null {
    return this.#context;
  }
  set context(value: Values | null) {
    this.#context = value;
  }
  get configurable(): Values | null {
    return this.#configurable;
  }
  set configurable(value: Values | null) {
    this.#configurable = value;
  }

  get src(): string | null {
    return this.getAttribute("src");
  }
  set src(value: string | null) {
    this.#reflect("src", value);
  }
  get graph(): string | null {
    return this.getAttribute("graph") || null;
  }
  set graph(value: string | null) {
    this.#reflect("graph", value);
  }
  /** The thread that is shown; null: a new one, until the server has made it. */
  get thread(): string | null {
    return this.getAttribute("thread") || null;
  }
  set thread(value: string | null) {
    this.#reflect("thread", value);
  }
  get theme(): string {
    return this.getAttribute("theme") ?? "auto";
  }
  set theme(value: string | null) {
    this.#reflect("theme", value);
  }
  get placeholder(): string | null {
    return this.getAttribute("placeholder");
  }
  set placeholder(value: string | null) {
    this.#reflect("placeholder", value);
  }
  /** Whether the browser keeps which thread it was, for when the page is opened again. */
  get remember(): boolean {
    return this.hasAttribute("remember");
  }
  set remember(value: boolean) {
    this.toggleAttribute("remember", value);
  }

  /** Asks, as if the text were written and sent; while an answer is written, after it. */
  ask(text: string): void {
    this.#reporter.ask(text);
  }

  /** Stops the answer that is being written. */
  stop(): void {
    this.#reporter.stop();
  }

  override focus(options?: FocusOptions): void {
    this.#root.querySelector<HTMLElement>("textarea, input, button")?.focus(options);
  }

  connectedCallback(): void {
    this.#unstyle ??= styleRoot(this.#root);
    this.#schedule();
  }

  disconnectedCallback(): void {
    // One that is moved within its page is connected again at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  attributeChangedCallback(name: Attribute, before: string | null, after: string | null): void {
    if (before === after) return;
    if (name === "src") this.#closeServer();
    this.#schedule();
  }

  #extras(): Extras {
    const [context, configurable] = [this.#context, this.#configurable];
    return {
      ...(context ? { context: { ...context } } : {}),
      ...(configurable ? { config: { configurable: { ...configurable } } } : {}),
    };
  }

  #changeThread(id: string | null): void {
    this.thread = id;
    this.#emit("threadchange", { thread: id });
  }

  #emit(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Renders once after all that is set in one go. */
  #schedule(): void {
    if (this.#isScheduled || !this.isConnected) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.isConnected) this.#render();
    });
  }

  #render(): void {
    this.#server ??= this.#openServer();
    const server = this.#server;
    const near = this.closest<HTMLElement>("[lang]");
    render(
      <EmbedApp
        src={this.src}
        server={server}
        graph={this.graph}
        theme={this.theme}
        languages={[near?.lang ?? "", ...navigator.languages]}
        host={{ ...this.#host, placeholder: this.placeholder }}
        threadOf={(graph) => this.#thread.of(server, graph)}
        onProblem={(code, message) => this.#emit("error", { code, message })}
      />,
      this.#root,
    );
  }

  #openServer(): Server | null {
    const { src } = this;
    if (src === null) return null;
    const folder = src.replace(/\/*$/, "/");
    const url = URL.canParse(folder, document.baseURI) ? new URL(folder, document.baseURI) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) return null;
    const server = new Server(url.href, async () => {
      const headers = this.#headers;
      return typeof headers === "function" ? headers() : headers;
    });
    server.connection.listen(window);
    return server;
  }

  #closeServer(): void {
    this.#server?.close();
    this.#server = null;
  }

  #leave(): void {
    render(null, this.#root);
    this.#closeServer();
    this.#unstyle?.();
    this.#unstyle = null;
  }

  #reflect(name: Attribute, value: string | null): void {
    if (value === null || value === undefined) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }

  /** Sets a property again that was set before the element was one: it hides the accessor. */
  #upgrade(name: (typeof PROPERTIES)[number]): void {
    if (!Object.hasOwn(this, name)) return;
    const value: unknown = this[name];
    Reflect.deleteProperty(this, name);
    Reflect.set(this, name, value);
  }
}
