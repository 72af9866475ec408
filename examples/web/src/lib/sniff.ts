/* What a file is, by its first bytes: the server decides, this only spares an upload that it would refuse. */
export type Sniffed = { ok: true; kind: string } | { ok: false; why: string };

const works = "WAV, FLAC, MP3, Ogg (Vorbis, Opus), AIFF, CAF and AU work.";

export function sniff(head: Uint8Array): Sniffed {
  const text = (from: number, to: number) => String.fromCharCode(...head.subarray(from, to));
  const yes = (kind: string): Sniffed => ({ ok: true, kind });
  const no = (what: string): Sniffed => ({ ok: false, why: `${what} cannot be read. ${works}` });
  if (head.length < 12) return { ok: false, why: "The file is too short to be audio." };
  if (["RIFF", "RF64", "riff"].includes(text(0, 4))) return text(8, 12) === "AVI " ? no("AVI video") : yes("WAV");
  if (text(0, 4) === "fLaC") return yes("FLAC");
  if (text(0, 4) === "OggS") return yes("Ogg");
  if (text(0, 4) === "FORM") return yes("AIFF");
  if (text(0, 4) === "caff") return yes("CAF");
  if (text(0, 4) === ".snd") return yes("AU");
  if (text(0, 3) === "ID3" || (head[0] === 0xff && ((head[1] ?? 0) & 0xe6) > 0xe0)) return yes("MP3");
  if (text(4, 8) === "ftyp") return no("MP4 and M4A (AAC)");
  if (head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3) return no("WebM and Matroska");
  if (text(0, 4) === "%PDF") return no("A PDF document");
  if (text(0, 2) === "PK") return no("A ZIP archive");
  // Rarer formats are the server's to know.
  return yes("unknown");
}
