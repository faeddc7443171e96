/** How wide a text will be, and what of it is shown: estimated, as a layout is made before anything is drawn. */

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Returns a text's width in pixels; letter: that of a Latin letter. Others may be twice as wide. */
export function widthOf(text: string, letter: number): number {
  return graphemes(text).reduce((width, each) => width + (WIDE.test(each) ? 1.75 : 1) * letter, 0);
}

/** Returns the text, or its beginning and an ellipsis where it is wider than that. */
export function cut(text: string, most: number, letter: number): string {
  if (widthOf(text, letter) <= most) return text;
  let [kept, width] = ["", letter];
  for (const each of graphemes(text)) {
    width += widthOf(each, letter);
    if (width > most) break;
    kept += each;
  }
  return `${kept}…`;
}

const graphemes = (text: string): string[] => [...GRAPHEMES.segment(text)].map((each) => each.segment);
