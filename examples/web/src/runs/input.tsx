/* The input of a new run: a file that is dropped or chosen, or a recording; looked at, then sent, with progress. What is not
 * sent yet is kept in the browser, and goes on after a reload. */
import { useEffect, useRef, useState } from "react";
import { api, ApiError } from "../api/client";
import { bytes, clock, duration } from "../lib/format";
import { sniff } from "../lib/sniff";
import { dropSound, keepPart, keepSound, keptSound } from "../lib/sounds";
import { Button, Meter } from "../ui/controls";
import { Failure } from "../ui/state";
import { useRecording, wavFile } from "./recording";
import { sendFile, type Upload } from "./upload";

/* Files up to here are copied into the browser's database while they are sent. */
const keptMost = 256 << 20;

interface Props {
  limit: number | null;
  upload: Upload | null;
  onUpload: (upload: Upload | null) => void;
}

interface Sending {
  name: string;
  fraction: number;
  stop: AbortController;
}

/* Refused before anything is sent: what is wrong with the file, or null. */
async function refusal(file: File, limit: number | null): Promise<string | null> {
  if (limit !== null && file.size > limit)
    return `The file has ${bytes(file.size)}; this server takes at most ${bytes(limit)}.`;
  const found = sniff(new Uint8Array(await file.slice(0, 64).arrayBuffer()));
  return found.ok ? null : found.why;
}

function useSending(limit: number | null, onUpload: (upload: Upload | null) => void) {
  const [sending, setSending] = useState<Sending | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  /* Where the file is not in the database a reload would lose it: the browser asks first. */
  const [asks, setAsks] = useState(false);
  useEffect(() => {
    if (!asks) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [asks]);
  const take = async (file: File, isKept = false) => {
    setProblem(null);
    onUpload(null);
    const why = await refusal(file, limit);
    if (why !== null) {
      setProblem(new Error(why));
      return;
    }
    const stop = new AbortController();
    setSending({ name: file.name, fraction: 0, stop });
    try {
      if (!isKept && file.size <= keptMost) {
        await keepSound(file.name, 0);
        await keepPart(file);
      } else if (!isKept) setAsks(true);
      const progress = (fraction: number) => setSending({ name: file.name, fraction, stop });
      onUpload(await sendFile(file, file.name, progress, stop.signal));
      await dropSound();
    } catch (error) {
      if (!stop.signal.aborted) setProblem(error);
      // What the server has refused, or nobody wants, need not be tried again.
      if (stop.signal.aborted || error instanceof ApiError) await dropSound();
    } finally {
      setSending(null);
      setAsks(false);
    }
  };
  return { sending, problem, setProblem, take };
}

/* A recording or an upload that a reload cut off. */
function useLeftOver(limitKnown: boolean, wanted: boolean, take: (file: File, isKept: boolean) => Promise<void>) {
  const [left, setLeft] = useState<{ file: File; seconds: number } | null>(null);
  const looked = useRef(false);
  useEffect(() => {
    if (looked.current || !limitKnown || !wanted) return;
    looked.current = true;
    const look = async () => {
      const kept = await keptSound();
      const first = kept?.parts[0];
      if (kept === null || first === undefined) return;
      const { name, rate } = kept.sound;
      if (first instanceof Blob) {
        await take(new File([first], name, { type: first.type }), true);
        return;
      }
      const parts = kept.parts.filter((part) => part instanceof Float32Array);
      const seconds = parts.reduce((sum, part) => sum + part.length, 0) / rate;
      setLeft({ file: wavFile(name, parts, rate), seconds });
    };
    look().catch((error: unknown) => console.warn(`what was recorded before cannot be read: ${String(error)}`));
  }, [limitKnown, wanted, take]);
  return { left, forget: () => setLeft(null) };
}

/* An upload is taken away by the server after some time; a draft may be older. */
function useStillThere(upload: Upload | null, onUpload: (upload: Upload | null) => void) {
  const [gone, setGone] = useState<string | null>(null);
  const id = upload?.id;
  const name = upload?.name ?? "";
  const looked = useRef("");
  useEffect(() => {
    if (id === undefined || looked.current === id) return;
    looked.current = id;
    api.GET("/api/v1/uploads/{id}", { params: { path: { id } } }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) return;
      setGone(`The server has taken ${name} away, it lay there too long. Send it again.`);
      onUpload(null);
    });
  }, [id, name, onUpload]);
  return id === undefined ? gone : null;
}

export function AudioInput({ limit, upload, onUpload }: Props) {
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const { sending, problem, setProblem, take } = useSending(limit, onUpload);
  const recording = useRecording((file) => void take(file, true), setProblem);
  const { left, forget } = useLeftOver(limit !== null, upload === null, take);
  const gone = useStillThere(upload, onUpload);
  const busy = sending !== null || recording.seconds !== null || recording.starting;

  return (
    <div className="space-y-3">
      <div
        className={`rounded-lg border-2 border-dashed px-4 py-6 text-center ${over ? "border-accent bg-accent/10" : "border-line"}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const file = event.dataTransfer.files[0];
          if (file !== undefined && !busy) void take(file);
        }}
      >
        <p className="mb-3">Drop an audio file here, or</p>
        <div className="flex flex-wrap justify-center gap-2">
          {recording.seconds === null ? (
            <>
              <Button primary disabled={busy} onClick={() => picker.current?.click()}>
                Choose a file
              </Button>
              <Button disabled={busy} onClick={() => void recording.start()}>
                Record from the microphone
              </Button>
            </>
          ) : (
            <>
              <Button primary onClick={() => void recording.stop()}>
                Stop recording ({clock(recording.seconds)})
              </Button>
              <Button danger onClick={() => void recording.discard()}>
                Discard
              </Button>
            </>
          )}
        </div>
        <input
          ref={picker}
          type="file"
          className="sr-only"
          aria-label="Audio file"
          tabIndex={-1}
          accept="audio/*,.wav,.flac,.mp3,.ogg,.opus,.aiff,.caf,.au"
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (file !== undefined) void take(file);
          }}
        />
        <p className="mt-3 text-sm text-soft">
          WAV, FLAC, MP3, Ogg, AIFF, CAF or AU{limit !== null && `, at most ${bytes(limit)}`}
        </p>
      </div>
      {left !== null && !busy && upload === null && (
        <div role="status" className="flex flex-wrap items-center gap-2 rounded-lg border border-busy px-3 py-2">
          <span className="min-w-48 flex-1">
            A recording of {duration(left.seconds)} was cut off when this page was left. It is still here.
          </span>
          <Button
            small
            primary
            onClick={() => {
              forget();
              void take(left.file, true);
            }}
          >
            Use it
          </Button>
          <Button
            small
            onClick={() => {
              forget();
              void dropSound();
            }}
          >
            Discard it
          </Button>
        </div>
      )}
      {sending !== null && (
        <div className="flex items-center gap-3">
          <span className="min-w-0 flex-1 truncate">{sending.name}</span>
          <div className="w-32">
            <Meter fraction={sending.fraction} label={`Sending ${sending.name}`} />
          </div>
          <Button small onClick={() => sending.stop.abort()}>
            Stop
          </Button>
        </div>
      )}
      {upload !== null && (
        <p role="status" className="flex flex-wrap items-center gap-x-2">
          <span className="min-w-0 flex-1 break-words">
            <span className="font-medium text-good">Ready:</span> {upload.name}, {bytes(upload.bytes)},{" "}
            {duration(upload.duration_seconds)}
          </span>
          <Button small onClick={() => onUpload(null)}>
            Take out
          </Button>
        </p>
      )}
      {gone !== null && (
        <p role="alert" className="text-warn">
          {gone}
        </p>
      )}
      {problem !== null &&
        (problem instanceof Error && problem.name === "Error" ? (
          <p role="alert" className="font-medium break-words text-bad">
            {problem.message}
          </p>
        ) : (
          <Failure error={problem} />
        ))}
    </div>
  );
}
