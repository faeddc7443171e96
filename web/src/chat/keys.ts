/** Whether the key is an Enter that sends: not with Shift, and not one that ends an input method's composition. */
export function isPlainEnter(event: KeyboardEvent): boolean {
  const composes = event.isComposing || event.keyCode === 229;
  return event.key === "Enter" && !event.shiftKey && !composes;
}
