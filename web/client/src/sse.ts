/** Bytes to server-sent events, as WHATWG HTML 9.2.6 parses them. */

export interface Frame {
  event: string;
  data: string;
  /** The last id in the stream so far. */
  id: string;
}

/** Parses one stream, however its bytes are cut. A last block without its blank line is dropped. */
export class SseParser {
  /** The stream's reconnection time, once it was sent. */
  retryMs = 0;
  /** How many comments there were: a server sends them to keep the connection alive. */
  comments = 0;
  #decoder = new TextDecoder();
  #line: string[] = [];
  #endedWithCr = false;
  #event = "";
  #data: string[] = [];
  #id = "";

  /** Return the frames that this piece completes. */
  push(piece: Uint8Array): Frame[] {
    let text = this.#decoder.decode(piece, { stream: true });
    if (!text) return [];
    if (this.#endedWithCr && text.startsWith("\n")) text = text.slice(1);
    this.#endedWithCr = text.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    const rest = lines.pop();
    const frames: Frame[] = [];
    for (const line of lines) {
      const whole = this.#line.join("") + line;
      this.#line = [];
      if (whole) this.#field(whole);
      else this.#complete(frames);
    }
    if (rest) this.#line.push(rest);
    return frames;
  }

  #field(line: string): void {
    const [, name, value = ""] = /^([^:]*)(?::? ?)([^]*)$/.exec(line) ?? [];
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = +value;
    else if (!name) this.comments++;
  }

  #complete(frames: Frame[]): void {
    if (this.#data.length) {
      frames.push({ event: this.#event || "message", data: this.#data.join("\n"), id: this.#id });
    }
    this.#event = "";
    this.#data = [];
  }
}
