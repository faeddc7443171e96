import { useEffect, useState } from "preact/hooks";
import { ServerError } from "@seltzer/client";
import { ChatView } from "../chat/ChatView";
import { HostProvider, type Host } from "../chat/host";
import type { GraphInfo, Info } from "../server/info";
import { ServerProvider, useServer, type Server } from "../server/server";
import { Notice } from "../shell/Notice";
import { ReachNotice, useReach } from "../shell/Reach";
import { useInfo } from "../shell/use-info";
import { languageOf, loadWords, useWords, WordsProvider, type Words } from "../words";

export type Problem = "no_source" | "no_address" | "unknown_graph" | "graph_broken";

export interface EmbedProps {
  /** What the attribute says, whatever it is worth. */
  readonly src: string | null;
  /** null: it names no server. */
  readonly server: Server | null;
  readonly graph: string | null;
  /** light or dark; anything else: as the system. */
  readonly theme: string;
  readonly languages: readonly string[];
  readonly host: Host;
  /** Returns the thread that is shown of a graph. */
  readonly threadOf: (graph: GraphInfo) => string | null;
  readonly onProblem: (problem: Problem, message: string) => void;
}

/** The chat in another page: in its language, with its server. */
export function EmbedApp(props: EmbedProps) {
  const { server, host, theme } = props;
  const language = languageOf(props.languages);
  const [words, setWords] = useState<Words | null>(null);
  useEffect(() => {
    let isShown = true;
    void loadWords(language).then((loaded) => isShown && setWords(loaded));
    return () => {
      isShown = false;
    };
  }, [language]);
  if (words === null) return null;
  return (
    <div
      class="agent-chat"
      role="group"
      aria-label={words.embedName}
      lang={language}
      data-theme={theme === "light" || theme === "dark" ? theme : undefined}
    >
      <WordsProvider value={words}>
        <HostProvider value={host}>
          {server === null ? (
            <NoServer {...props} />
          ) : (
            <ServerProvider key={props.src} value={server}>
              <Served {...props} />
            </ServerProvider>
          )}
        </HostProvider>
      </WordsProvider>
    </div>
  );
}

function NoServer({ src, onProblem }: EmbedProps) {
  const words = useWords();
  const text = src === null ? words.embedNoSource : words.embedNoAddress(src);
  return <Wrong problem={src === null ? "no_source" : "no_address"} text={text} onProblem={onProblem} />;
}

function Served(props: EmbedProps) {
  const words = useWords();
  const [known, ask] = useInfo();
  if (known && "info" in known) {
    return (
      <>
        <ReachNotice />
        <Graph {...props} info={known.info} />
      </>
    );
  }
  if (known && known.error instanceof ServerError) {
    return <Notice text={words.failed} detail={known.error.message} action={words.tryAgain} onAction={ask} />;
  }
  return <Connecting />;
}

/** Before the server has answered. One of another origin may also have to allow this page. */
function Connecting() {
  const words = useWords();
  const server = useServer();
  const reach = useReach();
  if (reach === "reached") return <p class="note placeholder">{words.loading}</p>;
  if (reach === "offline") return <Notice text={words.offline} />;
  const isForeign = server.address("").origin !== location.origin;
  const why = isForeign ? words.embedGoneWhy(location.origin) : undefined;
  return <Notice text={words.embedGone} detail={why} />;
}

function Graph(props: EmbedProps & { info: Info }) {
  const words = useWords();
  const { info, onProblem, threadOf } = props;
  const name = props.graph ?? (info.graphs.length === 1 ? info.graphs[0]?.name : undefined);
  const graph = info.graphs.find((each) => each.name === name);
  if (graph) return <ChatView key={graph.name} info={info} graph={graph} threadId={threadOf(graph)} />;
  const broken = info.broken.find((each) => each.name === name);
  if (broken) {
    const text = words.brokenGraph(broken.name);
    return <Wrong problem="graph_broken" text={text} detail={broken.why} onProblem={onProblem} />;
  }
  const names = info.graphs.map((each) => each.name).join(", ");
  const text = name ? words.unknownGraph(name) : names ? words.embedWhichGraph(names) : words.noGraphs;
  return <Wrong problem="unknown_graph" text={text} onProblem={onProblem} />;
}

interface WrongProps {
  readonly problem: Problem;
  readonly text: string;
  readonly detail?: string;
  readonly onProblem: EmbedProps["onProblem"];
}

/** What the page that has the element has to change. */
function Wrong({ problem, text, detail, onProblem }: WrongProps) {
  useEffect(() => onProblem(problem, text), [problem, text]);
  return <Notice text={text} detail={detail} />;
}
