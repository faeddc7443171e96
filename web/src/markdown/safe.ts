/** A model's text is hostile: what is shown of it runs nothing, loads nothing, and looks like nothing of the page's. */
import DOMPurify from "dompurify";

const TAGS = [
  ..."a abbr b blockquote br caption code dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i input ins".split(
    " ",
  ),
  ..."kbd li mark ol p pre q rp rt ruby s samp small span strong sub summary sup table tbody td".split(" "),
  ..."tfoot th thead tr u ul var wbr img".split(" "),
];
/** No class, id, name or style: the page's own looks and names are out of reach. */
const ATTRIBUTES = [
  "align",
  "alt",
  "checked",
  "colspan",
  "data-math",
  "disabled",
  "href",
  "lang",
  "open",
].concat(["rowspan", "scope", "src", "start", "title", "type"]);
/** Such an image is in the text itself. SVG isn't among them: it may load and run something elsewhere. */
const OWN_IMAGE = /^data:image\/(?:png|jpeg|gif|webp|avif);base64,[a-z0-9+/=\s]+$/i;
/**
 * What has a direction of its own, by the first of its letters: all that is in it shares it. `auto` doesn't look into
 * parts that have one themselves, so that a list of such parts would have its marks on the wrong side.
 */
const OWN_DIRECTION = "p,h1,h2,h3,h4,h5,h6,ul,ol,dl,td,th,caption,blockquote,details";
const IS_RTL = /^\P{L}*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]/u;

/** Returns the HTML as nodes that may be shown. */
export function safe(html: string): DocumentFragment {
  const nodes = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of nodes.querySelectorAll("a")) hardenLink(link);
  for (const image of nodes.querySelectorAll("img")) hardenImage(image);
  for (const input of nodes.querySelectorAll("input")) hardenInput(input);
  direct(nodes);
  for (const list of nodes.querySelectorAll("ul,ol")) {
    if (list.querySelector(":scope > li > input, :scope > li > p > input")) list.classList.add("tasks");
  }
  return nodes;
}

/** Gives texts of any language their direction. */
function direct(nodes: DocumentFragment): void {
  for (const each of nodes.querySelectorAll(OWN_DIRECTION)) {
    if (!each.parentElement?.closest(OWN_DIRECTION)) each.setAttribute("dir", "auto");
  }
  for (const table of nodes.querySelectorAll("table")) {
    if (IS_RTL.test(table.textContent)) table.setAttribute("dir", "rtl"); // its columns: each cell has its own
  }
}

/** A link opens beside the page, and gives nothing away; one to anything but a site or an address is text. */
function hardenLink(link: HTMLAnchorElement): void {
  const href = safeAddress(link.getAttribute("href") ?? "");
  link.removeAttribute("href");
  if (href === null) return;
  link.setAttribute("href", href);
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
}

/** Returns a link's address if it is one of another site, or of mail. */
export function safeAddress(href: string): string | null {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href)) return null;
  return URL.canParse(href) ? href : null;
}

/** An image from elsewhere would tell who reads it: it becomes a link. */
function hardenImage(image: HTMLImageElement): void {
  const source = image.getAttribute("src") ?? "";
  if (OWN_IMAGE.test(source)) return;
  const link = document.createElement("a");
  link.textContent = image.getAttribute("alt") || source;
  link.setAttribute("href", source);
  hardenLink(link);
  image.replaceWith(link);
}

/** Only the box of a task is an input, and it can't be used. */
function hardenInput(input: HTMLInputElement): void {
  if (input.getAttribute("type") !== "checkbox") return input.remove();
  input.setAttribute("disabled", "");
  input.setAttribute("aria-label", (input.closest("li")?.textContent ?? "").trim().slice(0, 80));
}
