/** Formulas, as MathML: KaTeX's own HTML needs style attributes, which the page's policy forbids. */
import type katexModule from "katex";

const SETTINGS = { output: "mathml", throwOnError: true, strict: "ignore", trust: false } as const;
const LIMITS = { maxExpand: 400, maxSize: 20 };
const LONGEST = 4_000;
const MATHML = "http://www.w3.org/1998/Math/MathML";
const NAMES = new Set(
  (
    "math maction menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms " +
    "mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "accent accentunder columnalign columnlines columnspacing depth display displaystyle fence height linethickness " +
    "lspace mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace scriptlevel separator " +
    "stretchy symmetric voffset width"
  ).split(" "),
);

let katex: typeof katexModule | undefined;
const drawn = new Map<string, Element | null>();
const KEPT = 500;

/** Returns the formula of a `code[data-math]`, or null: KaTeX isn't loaded, or can't read it. */
export function drawnMath(code: HTMLElement): Node | null {
  if (katex === undefined) return null;
  const isDisplay = code.dataset["math"] === "display";
  const key = `${isDisplay}${code.textContent}`;
  if (!drawn.has(key)) {
    if (drawn.size >= KEPT) drawn.clear();
    drawn.set(key, draw(katex, code.textContent, isDisplay));
  }
  return drawn.get(key)?.cloneNode(true) ?? null;
}

/** Loads KaTeX, once. */
export async function loadMath(): Promise<void> {
  katex ??= (await import("katex")).default;
}

function draw(library: typeof katexModule, source: string, displayMode: boolean): Element | null {
  if (source.length > LONGEST) return null;
  try {
    const html = library.renderToString(source, { ...SETTINGS, ...LIMITS, displayMode });
    const math = new DOMParser().parseFromString(html, "text/html").querySelector("math");
    const copy = math && allowed(math);
    copy?.setAttribute("alttext", source);
    return copy;
  } catch {
    return null; // what it can't read is shown as it is written
  }
}

/** Returns a copy of nothing but MathML: no links, no styles, none of HTML's elements. */
function allowed(element: Element): Element | null {
  if (element.namespaceURI !== MATHML || !NAMES.has(element.localName)) return null;
  const copy = document.createElementNS(MATHML, element.localName);
  for (const { name, value } of element.attributes) if (ATTRIBUTES.has(name)) copy.setAttribute(name, value);
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) copy.append(child.textContent ?? "");
    else if (child.nodeType === Node.ELEMENT_NODE)
      copy.append(...[allowed(child as Element)].filter((each) => !!each));
  }
  return copy;
}
