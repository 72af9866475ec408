/* The input of a new run: a file that is dropped or chosen, or a recording; looked at, then sent, with progress. What is not
 * sent yet is kept in the browser, and goes on after a reload. */
import { useEffect, useRef, useState } from "react";
import { api, ApiError } from "../api/client";
import { bytes, clock, duration } from "../lib/format";
import { writeKept } from "../lib/kept";
import { sniff } from "../lib/sniff";
import { dropSound, keepPart, keepSound, keptSound } from "../lib/sounds";
import { Button, Meter } from "../ui/controls";
import { Failure } from "../ui/state";
import { useRecording, wavFile } from "./recording";
import { isFinal, sendFile, uploadName, type Upload } from "./upload";

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

/* What is here and not with the server: it can be sent, or given up. */
interface Left {
  file: File;
  /* It is in the browser's database. */
  isKept: boolean;
  text: string;
  use: string;
}

/* True where the database has the file now: it may be full, or closed to this page. The file is sent all the same. */
async function keepFile(file: File): Promise<boolean> {
  if (file.size > keptMost) return false;
  try {
    await keepSound(file.name, 0);
    await keepPart(file);
    return true;
  } catch (error) {
    console.warn(`no copy of the file is kept while it is sent: ${String(error)}`);
    return false;
  }
}

async function dropKeptFile(): Promise<void> {
  try {
    await dropSound();
  } catch (error) {
    console.warn(`what is kept of the sound cannot be dropped: ${String(error)}`);
  }
}

function useSending(limit: number | null, onUpload: (upload: Upload | null) => void) {
  const [sending, setSending] = useState<Sending | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  /* Where the file is not in the database a reload would lose it: the browser asks first. */
  const [asks, setAsks] = useState(false);
  const [left, setLeft] = useState<Left | null>(null);
  /* The send that has a copy in the database ends with the page, and is taken up where the page is opened again. */
  const isGone = useRef(false);
  const leave = useRef<AbortController | null>(null);
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
      leave.current?.abort();
    };
  }, []);
  useEffect(() => {
    if (!asks) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [asks]);
  const take = async (file: File, wasKept = false) => {
    setProblem(null);
    onUpload(null);
    const why = await refusal(file, limit);
    if (why !== null) {
      setProblem(new Error(why));
      return;
    }
    const stop = new AbortController();
    setSending({ name: file.name, fraction: 0, stop });
    if (!wasKept) forgetCopy();
    const isKept = wasKept || (await keepFile(file));
    if (isGone.current && isKept) return;
    const gone = new AbortController();
    if (isKept) leave.current = gone;
    else setAsks(true);
    try {
      const progress = (fraction: number) => setSending({ name: file.name, fraction, stop });
      const sent = await sendFile(file, file.name, progress, AbortSignal.any([stop.signal, gone.signal]));
      // Of a page that was left the setter does nothing.
      writeKept(uploadName, sent);
      onUpload(sent);
      await dropKeptFile();
    } catch (error) {
      if (gone.signal.aborted) return;
      if (stop.signal.aborted || isFinal(error)) await dropKeptFile();
      else setLeft({ file, isKept, text: `${file.name} was not sent. It is still here.`, use: "Send it again" });
      if (!stop.signal.aborted) setProblem(error);
    } finally {
      leave.current = null;
      setSending(null);
      setAsks(false);
    }
  };
  /* The database has one sound of a tab: what was there before is in memory alone. */
  const forgetCopy = () => setLeft((old) => old && { ...old, isKept: false });
  return { sending, problem, setProblem, take, left, setLeft, forgetCopy };
}

/* A recording or an upload that a reload cut off. */
function useLeftOver(
  limitKnown: boolean,
  wanted: boolean,
  busy: boolean,
  take: (file: File, isKept: boolean) => Promise<void>,
  onLeft: (left: Left) => void,
) {
  const looked = useRef(false);
  useEffect(() => {
    // What is begun takes the place of what was there.
    if (busy) looked.current = true;
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
      const text = `A recording of ${duration(seconds)} was cut off when this page was left. It is still here.`;
      onLeft({ file: wavFile(name, parts, rate), isKept: true, text, use: "Use it" });
    };
    look().catch((error: unknown) => console.warn(`what was recorded before cannot be read: ${String(error)}`));
  }, [limitKnown, wanted, busy, take, onLeft]);
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
  const { sending, problem, setProblem, take, left, setLeft, forgetCopy } = useSending(limit, onUpload);
  const recording = useRecording((file, isKept) => void take(file, isKept), setProblem);
  const busy = sending !== null || recording.seconds !== null || recording.starting;
  useLeftOver(limit !== null, upload === null, busy, take, setLeft);
  const gone = useStillThere(upload, onUpload);

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
              <Button
                disabled={busy}
                onClick={() => {
                  forgetCopy();
                  void recording.start();
                }}
              >
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
          <span className="min-w-48 flex-1">{left.text}</span>
          <Button
            small
            primary
            onClick={() => {
              setLeft(null);
              void take(left.file, left.isKept);
            }}
          >
            {left.use}
          </Button>
          <Button
            small
            onClick={() => {
              setLeft(null);
              void dropKeptFile();
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
