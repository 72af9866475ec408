/* Server-sent events by fetch, because EventSource sends no headers; resumption by Last-Event-ID. */
import { lostServer } from "../lib/online";
import { SseParser, type SseMessage } from "../lib/sse";
import { ApiError, fetchRaw } from "./client";

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
    lostServer();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, parser.retryMs);
      options.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
