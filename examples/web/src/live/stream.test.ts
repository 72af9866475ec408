// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { toPcm16 } from "../lib/pcm";
import { heard, silent } from "./stream";

describe("a live stream", () => {
  it("shows what is being said, then what was said", () => {
    let live = heard(silent, { type: "ready", run_id: "R", model: "m" });
    live = heard(live, { type: "partial", index: 0, start: 1, end: 2, text: "hel", delay_seconds: 0.5 });
    expect([live.partial?.text, live.delay, live.finals.length]).toEqual(["hel", 0.5, 0]);
    live = heard(live, { type: "delay", delay_seconds: 3 });
    expect([live.partial?.text, live.delay]).toEqual(["hel", 3]);
    live = heard(live, { type: "final", index: 0, start: 1, end: 2, text: "hello", segments: [] });
    live = heard(live, { type: "final", index: 1, start: 3, end: 4, text: " " });
    expect([live.partial, live.finals.map((piece) => piece.text)]).toEqual([null, ["hello"]]);
    live = heard(live, { type: "end", status: "MODELLAB_OK" });
    expect([live.phase, live.status, live.runId]).toEqual(["ended", "MODELLAB_OK", "R"]);
  });
  it("writes samples as 16 bits, little endian, cut at full scale", () => {
    expect([...new Uint8Array(toPcm16(new Float32Array([0, 1, -2])))]).toEqual([0, 0, 0xff, 0x7f, 0x01, 0x80]);
  });
});
