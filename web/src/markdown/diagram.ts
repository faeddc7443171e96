/** Mermaid diagrams, drawn when the reader asks: an image of the drawing, in which nothing runs or loads. */
import script from "@mermaid-js/tiny/dist/mermaid.tiny.js?url";
import { element } from "./code";

interface Mermaid {
  initialize(config: object): void;
  render(id: string, source: string, container: Element): Promise<{ svg: string }>;
}

const LONGEST = 20_000;
const FONT = "system-ui, sans-serif";
/** In any page, whatever its style sheets. */
const PLACE = {
  position: "absolute",
  top: "0",
  left: "-9999px",
  font: `16px / 1.5 ${FONT}`,
  visibility: "hidden",
};
let count = 0;
let loading: Promise<Mermaid> | undefined;

/** Returns an image of the diagram. Throws if the source isn't one. */
export async function diagram(source: string, name: string, isDark: boolean): Promise<HTMLImageElement> {
  if (source.length > LONGEST) throw new RangeError("too long");
  const mermaid = await (loading ??= load());
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    htmlLabels: false,
    flowchart: { htmlLabels: false, useMaxWidth: false },
    theme: isDark ? "dark" : "neutral",
    fontFamily: FONT,
    suppressErrorRendering: true,
    secure: ["secure", "securityLevel", "startOnLoad", "htmlLabels", "fontFamily", "themeCSS", "theme"],
  });
  const place = element("div", "diagram-place"); // where it is measured, out of sight
  Object.assign(place.style, PLACE);
  document.body.append(place);
  try {
    const { svg } = await mermaid.render(`diagram-${++count}`, source, place);
    return await imageOf(svg, name);
  } finally {
    place.remove();
  }
}

async function imageOf(svg: string, name: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.className = "diagram";
  image.alt = name;
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    image.src = url;
    await image.decode();
  } finally {
    URL.revokeObjectURL(url);
  }
  return image;
}

/** Loads Mermaid, which is a script of its own that names itself. */
function load(): Promise<Mermaid> {
  return new Promise((resolve, reject) => {
    const tag = document.createElement("script");
    const names = globalThis as { mermaid?: Mermaid | undefined };
    const { mermaid: before } = names;
    tag.onload = () => {
      const loaded = names.mermaid as Mermaid;
      if (before) names.mermaid = before; // that of the page an element is in
      resolve(loaded);
    };
    tag.onerror = () => {
      loading = undefined;
      tag.remove();
      reject(new Error("Mermaid can't be loaded"));
    };
    tag.crossOrigin = "anonymous"; // a server of another origin answers no other requests
    tag.src = script;
    document.head.append(tag);
  });
}
