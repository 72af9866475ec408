import { describe, expect, it } from "vitest";
import { fieldOf, isWrong, labelsOf, requestOf, untouched } from "./draft";

describe("the draft of a run", () => {
  it("makes a request of all that was typed", () => {
    const draft = { ...untouched, language: "en", minutes: "2", labels: "team = a, b=c=d", more: '{"vad": {"x": 1}}' };
    expect(requestOf(draft, "U")).toEqual({
      pipeline: "full_meeting",
      priority: "normal",
      config: { vad: { x: 1 }, asr: { language: "en" } },
      max_duration_seconds: 120,
      labels: { team: "a", b: "c=d" },
      upload_id: "U",
    });
  });
  it("tells what is wrong and where", () => {
    for (const [change, pointer] of [
      [{ more: "[1]" }, "/config"],
      [{ more: "{" }, "/config"],
      [{ minutes: "-1" }, "/max_duration_seconds"],
      [{ labels: "team" }, "/labels"],
    ] as const) {
      const made = requestOf({ ...untouched, ...change }, null);
      expect(isWrong(made) && made.pointer).toBe(pointer);
    }
    expect(labelsOf("=x")).toContain("name=value");
  });
  it("knows the field of a pointer", () => {
    expect(fieldOf("/config/asr/beam_sise", untouched)).toBe("more");
    expect(fieldOf("/config/asr/language", { ...untouched, language: "xx" })).toBe("language");
    expect(fieldOf("/labels/a", untouched)).toBe("labels");
    expect(fieldOf("/stall_seconds", untouched)).toBeNull();
  });
});
