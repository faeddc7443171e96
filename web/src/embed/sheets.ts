/** The style sheets of `<agent-chat>`: each is made once, and adopted by the shadow root of every element. */

const sheets: CSSStyleSheet[] = [];
const roots = new Set<ShadowRoot>();

/** Adds a style sheet, as soon as the code that needs it is here. build/sheets.ts has each CSS file call this. */
export function addSheet(css: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  sheets.push(sheet);
  for (const root of roots) root.adoptedStyleSheets = [...sheets];
}

/** Styles a shadow root, until what is returned is called. */
export function styleRoot(root: ShadowRoot): () => void {
  roots.add(root);
  root.adoptedStyleSheets = [...sheets];
  return () => void roots.delete(root);
}
