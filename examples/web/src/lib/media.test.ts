import { describe, expect, it } from "vitest";
import { sniff } from "./sniff";
import { encodeWav } from "./wav";

const bytes = (text: string, tail = 12) =>
  new Uint8Array([...[...text].map((c) => c.charCodeAt(0)), ...new Array<number>(tail).fill(0)]);

describe("wav", () => {
  it("is what the header says, and is taken by the look at files", async () => {
    const blob = encodeWav([new Float32Array([0, 1]), new Float32Array([-1, 0.5, 9])], 16000);
    const data = new Uint8Array(await blob.arrayBuffer());
    const view = new DataView(data.buffer);
    expect(data.length).toBe(54);
    expect(view.getUint32(4, true)).toBe(46);
    expect(view.getUint32(24, true)).toBe(16000);
    expect([0, 1, 2, 3, 4].map((i) => view.getInt16(44 + 2 * i, true))).toEqual([0, 32767, -32767, 16384, 32767]);
    expect(sniff(data)).toEqual({ ok: true, kind: "WAV" });
  });
});

describe("sniff", () => {
  it("refuses what the server would, and names what works", () => {
    for (const refused of [
      bytes("\0\0\0\x20ftypM4A "),
      bytes("\x1a\x45\xdf\xa3"),
      bytes("%PDF-1.7"),
      bytes("PK\x03\x04"),
    ]) {
      const found = sniff(refused);
      expect(found.ok).toBe(false);
      if (!found.ok) expect(found.why).toContain("FLAC");
    }
  });
  it("takes what works", () => {
    for (const taken of ["fLaC", "OggS", "ID3\x04", "\xff\xfb\x90\x64", "FORM"])
      expect(sniff(bytes(taken)).ok).toBe(true);
  });
});
