/* Server-sent events as text: the parser alone. */

export interface SseMessage {
  id: string;
  event: string;
  data: string;
}

/* Splits a byte stream into messages as the HTML standard tells (section 9.2.6). Feed it text as it comes. */
export class SseParser {
  private rest = "";
  private data: string[] = [];
  private event = "";
  private lastId = "";
  retryMs = 2_000;

  feed(text: string): SseMessage[] {
    const out: SseMessage[] = [];
    // A carriage return at the end may be the first half of a line end.
    const all = this.rest + text;
    const lines = all.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.data.length > 0)
          out.push({ id: this.lastId, event: this.event === "" ? "message" : this.event, data: this.data.join("\n") });
        this.data = [];
        this.event = "";
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") this.data.push(value);
      else if (field === "event") this.event = value;
      else if (field === "id" && !value.includes("\0")) this.lastId = value;
      else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    }
    return out;
  }

  get id(): string {
    return this.lastId;
  }
}
