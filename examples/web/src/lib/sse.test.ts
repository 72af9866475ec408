import { describe, expect, it } from "vitest";
import { SseParser } from "./sse";

const stream =
  'retry: 500\n\nid: 7\nevent: step_progress\ndata: {"a":1}\ndata: two\n\n: keep\n\nid: 8\r\ndata: x\r\n\r\n';

describe("SseParser", () => {
  it("gives the same messages for every way of cutting the stream", () => {
    for (let size = 1; size <= stream.length; size++) {
      const parser = new SseParser();
      const got = [];
      for (let at = 0; at < stream.length; at += size) got.push(...parser.feed(stream.slice(at, at + size)));
      expect(got).toEqual([
        { id: "7", event: "step_progress", data: '{"a":1}\ntwo' },
        { id: "8", event: "message", data: "x" },
      ]);
      expect(parser.retryMs).toBe(500);
      expect(parser.id).toBe("8");
    }
  });
});
