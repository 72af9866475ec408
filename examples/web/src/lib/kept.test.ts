// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { dropKept, readKept, writeKept } from "./kept";

describe("what a tab keeps", () => {
  beforeEach(() => sessionStorage.clear());
  it("comes back, with fields of today where it is of yesterday", () => {
    writeKept("a", { text: "x" });
    expect(readKept("a", { text: "", more: 1 })).toEqual({ text: "x", more: 1 });
    dropKept("a");
    expect(readKept("a", { text: "", more: 1 })).toEqual({ text: "", more: 1 });
  });
  it("is not taken when it is of another kind, or damaged", () => {
    writeKept("a", "text");
    expect(readKept("a", { text: "" })).toEqual({ text: "" });
    writeKept("a", [1]);
    expect(readKept("a", { text: "" })).toEqual({ text: "" });
    sessionStorage.setItem("modellab.draft.a", "{");
    expect(readKept("a", 7)).toBe(7);
  });
});
