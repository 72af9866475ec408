/* The audio of a run: waveform from the server's peaks, speaker lanes under it, one position for the whole page. */
import { useEffect, useRef, useState, type ReactNode } from "react";
import WaveSurfer from "wavesurfer.js";
import type { Schemas } from "../api/client";
import { soundAddress } from "../api/sound";
import { clock } from "../lib/format";
import { readKept, writeKept } from "../lib/kept";
import { usePosition, type Position } from "../lib/position";
import { Button, Meter } from "../ui/controls";
import { useShortcuts } from "../ui/shortcuts";
import { Failure } from "../ui/state";

export interface Lane {
  speaker: string;
  name: string;
  color: string;
  turns: { start: number; end: number }[];
}

const colors = ["#0f766e", "#b45309", "#1d4ed8", "#be185d", "#4d7c0f", "#7c3aed", "#0e7490", "#a16207"];

/* Lanes of the speakers in a transcript, in the order in which they first speak. */
export function lanesOf(segments: Schemas["Segment"][], names: Record<string, string>): Lane[] {
  const lanes = new Map<string, Lane>();
  for (const { speaker, start, end } of segments) {
    if (!speaker) continue;
    let lane = lanes.get(speaker);
    if (lane === undefined) {
      lane = { speaker, name: names[speaker] ?? speaker, color: colors[lanes.size % colors.length] ?? "", turns: [] };
      lanes.set(speaker, lane);
    }
    lane.turns.push({ start, end });
  }
  return [...lanes.values()];
}

function Lanes({ lanes, duration, seek }: { lanes: Lane[]; duration: number; seek: (seconds: number) => void }) {
  return (
    <ul className="mt-2 space-y-1">
      {lanes.map((lane) => (
        <li key={lane.speaker} className="flex items-center gap-2">
          <span className="w-24 shrink-0 truncate text-sm" title={lane.name}>
            {lane.name}
          </span>
          <div className="relative h-3 flex-1 rounded bg-page">
            {lane.turns.map((turn) => (
              <button
                key={turn.start}
                type="button"
                tabIndex={-1}
                aria-label={`${lane.name} at ${clock(turn.start)}`}
                className="absolute h-full rounded-sm"
                style={{
                  left: `${(100 * turn.start) / duration}%`,
                  width: `max(2px, ${(100 * (turn.end - turn.start)) / duration}%)`,
                  background: lane.color,
                }}
                onClick={() => seek(turn.start)}
              />
            ))}
          </div>
        </li>
      ))}
    </ul>
  );
}

export interface PlayerHandle {
  seek: (seconds: number) => void;
}

interface Props {
  id: string;
  peaks: Schemas["Peaks"] | null;
  /* Its length by the record of the run. */
  seconds: number;
  lanes: Lane[];
  position: Position;
  onReady: (handle: PlayerHandle) => void;
  /* What stands under the lanes. */
  children?: ReactNode;
}

/* The one part of the player that moves at each frame. */
function Clock({ position, length, seek }: { position: Position; length: number; seek: (seconds: number) => void }) {
  const time = usePosition(position, (seconds) => Math.round(seconds * 10) / 10);
  return (
    <>
      <input
        type="range"
        aria-label="Position"
        aria-valuetext={clock(time)}
        className="min-w-40 flex-1 accent-accent"
        min={0}
        max={Math.max(length, 0.1)}
        step={0.1}
        value={time}
        onChange={(event) => seek(Number(event.target.value))}
      />
      <span className="font-mono text-sm whitespace-nowrap">
        {clock(time)} / {clock(length)}
      </span>
    </>
  );
}

export function Player({ id, peaks, seconds, lanes, position, onReady, children }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const surfer = useRef<WaveSurfer | null>(null);
  const [playing, setPlaying] = useState(false);
  const [length, setLength] = useState(peaks?.duration_seconds ?? seconds);
  const [rate, setRate] = useState(1);
  const [problem, setProblem] = useState<unknown>(null);
  /* Of a sound that must be fetched whole, how much is here. */
  const [fetched, setFetched] = useState<number | null>(null);
  const ready = useRef(onReady);
  useEffect(() => {
    ready.current = onReady;
  });
  const seek = (seconds: number) => {
    surfer.current?.setTime(seconds);
    position.set(seconds);
  };
  useShortcuts([
    { keys: " ", text: "Play or pause", run: () => void surfer.current?.playPause() },
    { keys: "ArrowLeft", text: "5 seconds back", run: () => seek(Math.max(0, position.get() - 5)) },
    { keys: "ArrowRight", text: "5 seconds on", run: () => seek(Math.min(length, position.get() + 5)) },
  ]);

  useEffect(() => {
    if (place.current === null) return;
    let url: string | null = null;
    let gone = false;
    let kept = 0;
    const made = WaveSurfer.create({
      container: place.current,
      height: 96,
      waveColor: "#7b8da0",
      progressColor: "#0f766e",
      cursorColor: "#b91c1c",
      cursorWidth: 2,
      normalize: true,
      dragToSeek: true,
    });
    surfer.current = made;
    made.on("play", () => setPlaying(true));
    made.on("pause", () => setPlaying(false));
    made.on("ready", () => {
      setLength(made.getDuration());
      // A reload goes on where it was.
      const before = readKept(`time.${id}`, 0);
      if (before > 0 && before < made.getDuration()) {
        made.setTime(before);
        position.set(before);
      }
    });
    made.on("timeupdate", (seconds) => {
      position.set(seconds);
      if (Math.abs(seconds - kept) < 0.5) return;
      kept = seconds;
      writeKept(`time.${id}`, seconds);
    });
    made.on("error", (error) => {
      if (!gone) setProblem(error);
    });
    ready.current({
      seek: (seconds) => {
        made.setTime(seconds);
        position.set(seconds);
      },
    });
    const scale = (values: number[]) => values.map((value) => value / 128);
    // One channel, minimum and maximum in turn; a flat line where the waveform is not known.
    const wave = peaks === null ? [0, 0] : scale(peaks.max).flatMap((top, i) => [top, (peaks.min[i] ?? 0) / 128]);
    const stop = new AbortController();
    soundAddress(`/api/v1/runs/${id}/audio`, setFetched, stop.signal)
      .then((source) => {
        url = source;
        setFetched(null);
        if (gone && source.startsWith("blob:")) URL.revokeObjectURL(source);
        // With a wave and a length the element loads by itself, in ranges.
        return gone ? undefined : made.load(source, [wave], peaks?.duration_seconds ?? seconds);
      })
      .catch((error: unknown) => {
        if (!gone) setProblem(error);
      });
    return () => {
      gone = true;
      stop.abort();
      made.destroy();
      if (url?.startsWith("blob:")) URL.revokeObjectURL(url);
    };
  }, [id, peaks, position, seconds]);

  if (problem !== null)
    return (
      <Failure
        error={problem instanceof MediaError ? new Error(`The sound cannot be played: ${problem.message}`) : problem}
      />
    );
  return (
    <div>
      {/* Waveform, lanes and coverage have one axis of time. */}
      <div ref={place} aria-hidden className="ml-26 min-h-24" />
      {fetched !== null && (
        <div className="mt-2 flex items-center gap-3 text-sm text-soft">
          The sound is fetched whole, {Math.round(100 * fetched)} %
          <Meter fraction={fetched} label="Sound that has come" />
        </div>
      )}
      <div className="mt-2 flex flex-wrap items-center gap-3">
        <Button primary onClick={() => void surfer.current?.playPause()}>
          {playing ? "Pause" : "Play"}
        </Button>
        <Clock position={position} length={length} seek={seek} />
        <select
          className="rounded-md border border-line bg-card px-2 py-1"
          aria-label="Speed"
          value={rate}
          onChange={(event) => {
            const chosen = Number(event.target.value);
            setRate(chosen);
            surfer.current?.setPlaybackRate(chosen, true);
          }}
        >
          {[0.5, 0.75, 1, 1.25, 1.5, 2].map((speed) => (
            <option key={speed} value={speed}>
              {speed} ×
            </option>
          ))}
        </select>
      </div>
      {length > 0 && <Lanes lanes={lanes} duration={length} seek={seek} />}
      {children}
    </div>
  );
}
