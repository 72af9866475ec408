/* The transcript in step with the audio: click a word to hear it, search, shading of what is unsure, names of speakers. */
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { api, type Schemas } from "../api/client";
import { clock } from "../lib/format";
import { useAction } from "../runs/actions";
import { Button, inputLook } from "../ui/controls";
import { Empty, Failure } from "../ui/state";
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
  const place = useRef<HTMLLIElement>(null);
  const here = word !== null;
  useEffect(() => {
    if (here) place.current?.scrollIntoView({ block: "nearest" });
  }, [here]);
  return (
    <li ref={place} className={`flex gap-3 rounded px-2 py-1 ${here ? "bg-accent/10" : ""}`}>
      <button
        type="button"
        className="shrink-0 self-start font-mono text-sm text-soft hover:text-accent"
        aria-label={`Play from ${clock(segment.start)}`}
        onClick={() => seek(segment.start)}
      >
        {clock(segment.start)}
      </button>
      <p>
        {lane !== undefined && (
          <span className="mr-2 font-semibold" style={{ color: `color-mix(in srgb, ${lane.color} 70%, var(--text))` }}>
            {lane.name}
          </span>
        )}
        {segment.words === undefined || segment.words.length === 0 ? (
          <Marked text={segment.text.trim()} find={find} />
        ) : (
          segment.words.map((w, i) => (
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
    </li>
  );
});

function SpeakerNames({ id, lanes, names }: { id: string; lanes: Lane[]; names: Record<string, string> }) {
  const [draft, setDraft] = useState(names);
  const { busy, problem, act } = useAction();
  const save = () => {
    const given = Object.fromEntries(Object.entries(draft).filter(([, name]) => name.trim() !== ""));
    return api.PUT("/api/v1/runs/{id}/speakers", { params: { path: { id } }, body: { names: given } });
  };
  return (
    <details className="mb-3">
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
              value={draft[lane.speaker] ?? ""}
              onChange={(event) => setDraft({ ...draft, [lane.speaker]: event.target.value })}
            />
          </label>
        ))}
        <Button type="submit" primary disabled={busy}>
          Save names
        </Button>
      </form>
      {problem !== null && <Failure error={problem} />}
    </details>
  );
}

interface Props {
  id: string;
  transcript: Schemas["Transcript"];
  lanes: Lane[];
  names: Record<string, string>;
  time: number;
  seek: (seconds: number) => void;
}

export function Transcript({ id, transcript, lanes, names, time, seek }: Props) {
  const [typed, setTyped] = useState("");
  const find = useDeferredValue(typed.trim().toLocaleLowerCase());
  const segments = useMemo(
    () => transcript.segments.filter((s) => find === "" || s.text.toLocaleLowerCase().includes(find)),
    [transcript, find],
  );
  if (transcript.segments.length === 0) return <Empty title="Nothing was said, or nothing was understood." />;
  const byName = new Map(lanes.map((lane) => [lane.speaker, lane]));
  return (
    <>
      <input
        type="search"
        className={`${inputLook} mb-3`}
        aria-label="Find in the transcript"
        placeholder="Find in the transcript"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      {find !== "" && (
        <p role="status" className="mb-2 text-sm text-soft">
          {segments.length} of {transcript.segments.length} segments
        </p>
      )}
      {lanes.length > 0 && <SpeakerNames id={id} lanes={lanes} names={names} />}
      <ol className="max-h-[32rem] space-y-0.5 overflow-y-auto" tabIndex={0} aria-label="Segments">
        {segments.map((segment) => {
          const here = time > 0 && time >= segment.start && time < segment.end;
          const word = here ? (segment.words?.findIndex((w) => time >= w.start && time < w.end) ?? -1) : null;
          return (
            <Line
              key={segment.id}
              segment={segment}
              lane={byName.get(segment.speaker ?? "")}
              word={word}
              find={find}
              seek={seek}
            />
          );
        })}
      </ol>
    </>
  );
}
