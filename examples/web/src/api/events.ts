/* Server-sent events by fetch, because EventSource sends no headers: parsing, resumption by Last-Event-ID. */
import { ApiError, fetchRaw } from "./client";

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

export interface FollowOptions {
  signal: AbortSignal;
  lastId?: string;
  onMessage: (message: SseMessage) => void;
  /* True while a connection stands. */
  onState?: (connected: boolean) => void;
}

/* Follows a stream until the signal, or until the server ends it for good (status 204 or a refusal). */
export async function followEvents(path: string, options: FollowOptions): Promise<void> {
  const parser = new SseParser();
  let lastId = options.lastId ?? "";
  while (!options.signal.aborted) {
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (lastId !== "") headers["Last-Event-ID"] = lastId;
      const response = await fetchRaw(path, { headers, signal: options.signal });
      if (response.status === 204 || response.body === null) return;
      options.onState?.(true);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const message of parser.feed(value)) {
          if (message.id !== "") lastId = message.id;
          options.onMessage(message);
        }
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
      // A connection that broke: again, from the last number on.
    }
    options.onState?.(false);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, parser.retryMs);
      options.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
