import { describe, expect, it } from "vitest";
import { indexAt, Position } from "./position";

describe("the position", () => {
  it("finds what is said at a time", () => {
    const spans = [0, 1, 2.5, 2.5].map((start) => ({ start, end: start + 1 }));
    for (const t of [-1, 0, 0.9, 1, 1.9, 2, 2.4, 2.5, 3.4, 3.5]) {
      const slow = spans.findLastIndex((span) => t >= span.start);
      const end = spans[slow]?.end ?? -1;
      expect(indexAt(spans, t), String(t)).toBe(t < end ? slow : -1);
    }
    expect(indexAt([], 1)).toBe(-1);
  });
  it("tells a change, and no repetition", () => {
    const position = new Position();
    let told = 0;
    const stop = position.subscribe(() => told++);
    position.set(1);
    position.set(1);
    expect(told).toBe(1);
    stop();
    position.set(2);
    expect(told).toBe(1);
  });
});
