/* The transcript in step with the audio: click a word to hear it, search, shading of what is unsure, names of speakers. */
import { memo, useCallback, useDeferredValue, useEffect, useMemo, useRef } from "react";
import { api, type Schemas } from "../api/client";
import { clock } from "../lib/format";
import { useKept } from "../lib/kept";
import { indexAt, usePosition, type Position } from "../lib/position";
import { useAction } from "../runs/actions";
import { Button, inputLook } from "../ui/controls";
import { Empty, Failure } from "../ui/state";
import { VirtualList, type ListHandle } from "../ui/virtual";
import type { Lane } from "./player";

type Segment = Schemas["Segment"];

/* How unsure a word is, as a background: none from 0.9 on. */
function shade(probability: number | null | undefined): string | undefined {
  if (probability === null || probability === undefined || probability >= 0.9) return undefined;
  const strength = Math.round(Math.min(1, (0.9 - probability) / 0.7) * 45);
  return `color-mix(in srgb, var(--warn) ${strength}%, transparent)`;
}

function Marked({ text, find }: { text: string; find: string }) {
  if (find === "") return text;
  const parts: (string | [string])[] = [];
  const lower = text.toLocaleLowerCase();
  let from = 0;
  for (let at = lower.indexOf(find); at >= 0; at = lower.indexOf(find, from)) {
    parts.push(text.slice(from, at), [text.slice(at, at + find.length)]);
    from = at + find.length;
  }
  parts.push(text.slice(from));
  return parts.map((part, i) =>
    typeof part === "string" ? (
      part
    ) : (
      <mark key={i} className="bg-warn/40 text-inherit">
        {part[0]}
      </mark>
    ),
  );
}

interface LineProps {
  segment: Segment;
  lane: Lane | undefined;
  /* Index of the word at the position, -1 for none, null when the position is elsewhere. */
  word: number | null;
  find: string;
  seek: (seconds: number) => void;
}

const Line = memo(function Line({ segment, lane, word, find, seek }: LineProps) {
  const here = word !== null;
  const words = segment.words ?? [];
  return (
    <div className={`flex gap-3 rounded px-2 py-1 ${here ? "bg-accent/10" : ""}`} aria-current={here || undefined}>
      <button
        type="button"
        className="shrink-0 self-start font-mono text-sm leading-6 text-soft hover:text-accent"
        aria-label={`Play from ${clock(segment.start)}`}
        onClick={() => seek(segment.start)}
      >
        {clock(segment.start)}
      </button>
      <p className="min-w-0 break-words">
        {lane !== undefined && (
          <span className="mr-2 font-semibold" style={{ color: `color-mix(in srgb, ${lane.color} 70%, var(--text))` }}>
            {lane.name}
          </span>
        )}
        {words.length === 0 ? (
          <Marked text={segment.text.trim()} find={find} />
        ) : (
          words.map((w, i) => (
            <span
              key={i}
              className={`cursor-pointer rounded-sm hover:underline ${word === i ? "bg-accent text-accent-ink" : ""}`}
              style={word === i ? undefined : { background: shade(w.probability) }}
              title={`${clock(w.start)}${w.probability == null ? "" : `, sure by ${Math.round(w.probability * 100)} %`}`}
              onClick={() => seek(w.start)}
            >
              <Marked text={w.word} find={find} />
            </span>
          ))
        )}
      </p>
    </div>
  );
});

function SpeakerNames({ id, lanes, names }: { id: string; lanes: Lane[]; names: Record<string, string> }) {
  const [draft, setDraft, drop] = useKept<Record<string, string> | null>(`names.${id}`, null);
  const { busy, problem, act } = useAction();
  const given = { ...names, ...draft };
  const save = async () => {
    const all = Object.fromEntries(Object.entries(given).filter(([, name]) => name.trim() !== ""));
    await api.PUT("/api/v1/runs/{id}/speakers", { params: { path: { id } }, body: { names: all } });
    setDraft(null);
    drop();
  };
  const changed = Object.entries(draft ?? {}).some(([speaker, name]) => name !== (names[speaker] ?? ""));
  return (
    <details className="mb-3" open={changed || undefined}>
      <summary className="cursor-pointer text-accent">Names of the speakers</summary>
      <form
        className="mt-2 flex flex-wrap items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          void act(save);
        }}
      >
        {lanes.map((lane) => (
          <label key={lane.speaker} className="text-sm">
            {lane.speaker}
            <input
              className={inputLook}
              maxLength={128}
              placeholder="Name"
              value={given[lane.speaker] ?? ""}
              onChange={(event) => setDraft({ ...draft, [lane.speaker]: event.target.value })}
            />
          </label>
        ))}
        <Button type="submit" primary disabled={busy || !changed}>
          Save names
        </Button>
        {changed && <span className="text-sm text-warn">Not saved yet</span>}
      </form>
      {problem !== null && <Failure error={problem} />}
    </details>
  );
}

/* About how high a segment is: lines of 80 characters. */
function guessOf(segment: Segment | undefined): number {
  return 10 + 24 * Math.max(1, Math.ceil((segment?.text.length ?? 0) / 80));
}

interface Props {
  id: string;
  transcript: Schemas["Transcript"];
  lanes: Lane[];
  names: Record<string, string>;
  position: Position;
  seek: (seconds: number) => void;
}

export function Transcript({ id, transcript, lanes, names, position, seek }: Props) {
  const [typed, setTyped] = useKept(`find.${id}`, "");
  const find = useDeferredValue(typed.trim().toLocaleLowerCase());
  const segments = useMemo(
    () => transcript.segments.filter((s) => find === "" || s.text.toLocaleLowerCase().includes(find)),
    [transcript, find],
  );
  const byName = useMemo(() => new Map(lanes.map((lane) => [lane.speaker, lane])), [lanes]);
  const list = useRef<ListHandle>(null);
  const at = usePosition(position, (t) => (t > 0 ? indexAt(segments, t) : -1));
  const word = usePosition(position, (t) => (at < 0 ? -1 : indexAt(segments[at]?.words ?? [], t)));
  useEffect(() => {
    if (at >= 0) list.current?.show(at);
  }, [at]);
  const keyOf = useCallback((i: number) => segments[i]?.id ?? i, [segments]);
  const guess = useCallback((i: number) => guessOf(segments[i]), [segments]);
  const unsure = useMemo(
    () => transcript.segments.some((s) => s.words?.some((w) => (w.probability ?? 1) < 0.9)),
    [transcript],
  );
  if (transcript.segments.length === 0) return <Empty title="Nothing was said, or nothing was understood." />;
  return (
    <>
      <input
        type="search"
        className={`${inputLook} mb-2`}
        aria-label="Find in the transcript"
        placeholder="Find in the transcript"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <p role="status" className="mb-2 flex flex-wrap gap-x-4 text-sm text-soft">
        <span>
          {find === ""
            ? `${transcript.segments.length} segments`
            : `${segments.length} of ${transcript.segments.length} segments`}
        </span>
        {unsure && (
          <span>
            <span className="rounded-sm px-1 text-ink" style={{ background: shade(0.3) }}>
              shaded
            </span>{" "}
            the recogniser was less sure
          </span>
        )}
      </p>
      {lanes.length > 0 && <SpeakerNames id={id} lanes={lanes} names={names} />}
      <VirtualList
        key={find}
        label="Segments"
        className="max-h-[32rem]"
        handle={list}
        count={segments.length}
        keyOf={keyOf}
        guess={guess}
        row={(i) => {
          const segment = segments[i];
          return (
            segment && (
              <Line
                segment={segment}
                lane={byName.get(segment.speaker ?? "")}
                word={i === at ? word : null}
                find={find}
                seek={seek}
              />
            )
          );
        }}
      />
    </>
  );
}
