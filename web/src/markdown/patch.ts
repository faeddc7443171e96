/** Makes nodes like others while those that are alike stay: a selection in them lasts, and nothing flickers. */

/** Makes what is in `shown` like what is in `wanted`, whose nodes it may use. */
export function patch(shown: ParentNode & Node, wanted: ParentNode & Node): void {
  let old: ChildNode | null = shown.firstChild;
  let next: ChildNode | null = wanted.firstChild;
  while (next) {
    const following: ChildNode | null = next.nextSibling;
    if (old === null) shown.append(next);
    else {
      const after: ChildNode | null = old.nextSibling;
      if (!patchNode(old, next)) old.replaceWith(next);
      old = after;
    }
    next = following;
  }
  while (old) {
    const after: ChildNode | null = old.nextSibling;
    old.remove();
    old = after;
  }
}

/** Makes a node like the other one; returns whether that was possible. */
function patchNode(shown: ChildNode, wanted: ChildNode): boolean {
  if (shown instanceof Text && wanted instanceof Text) {
    if (shown.data !== wanted.data) setText(shown, wanted.data);
    return true;
  }
  if (!(shown instanceof Element) || !(wanted instanceof Element)) return false;
  if (!isAlike(shown, wanted)) return false;
  patch(shown, wanted);
  return true;
}

/** A text that only grows is added to: what is selected in it stays selected. */
function setText(shown: Text, text: string): void {
  if (text.startsWith(shown.data)) shown.appendData(text.slice(shown.data.length));
  else shown.data = text;
}

/** Whether two elements are the same but for what is in them. What the reader has opened stays open. */
function isAlike(one: Element, other: Element): boolean {
  if (one.nodeName !== other.nodeName || one.namespaceURI !== other.namespaceURI) return false;
  const names = new Set([...one.getAttributeNames(), ...other.getAttributeNames()]);
  names.delete("open");
  return [...names].every((name) => one.getAttribute(name) === other.getAttribute(name));
}
