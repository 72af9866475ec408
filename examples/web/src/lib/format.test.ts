import { describe, expect, it } from "vitest";
import { bytes, clock, duration } from "./format";

describe("format", () => {
  it("writes positions", () => {
    expect(clock(0)).toBe("0:00.0");
    expect(clock(59.96)).toBe("1:00.0");
    expect(clock(3723.4)).toBe("1:02:03.4");
  });
  it("writes lengths and sizes, and no number where nothing is known", () => {
    expect(duration(3.21)).toBe("3.2 s");
    expect(duration(125)).toBe("2 min 5 s");
    expect(duration(-1)).toBe("–");
    expect(bytes(1536)).toBe("1.5 KiB");
    expect(bytes(null)).toBe("–");
  });
});
