/* The input of a new run: a file that is dropped or chosen, or a recording; looked at, then sent, with progress. */
import { useEffect, useRef, useState } from "react";
import { openMicrophone, type Microphone } from "../lib/microphone";
import { bytes, clock, duration } from "../lib/format";
import { sniff } from "../lib/sniff";
import { encodeWav } from "../lib/wav";
import { Button, Meter } from "../ui/controls";
import { Failure } from "../ui/state";
import { sendFile, type Upload } from "./upload";

function useRecording(onFile: (file: File) => void, onProblem: (error: unknown) => void) {
  const [seconds, setSeconds] = useState<number | null>(null);
  const microphone = useRef<Microphone | null>(null);
  const chunks = useRef<Float32Array[]>([]);
  useEffect(() => () => void microphone.current?.stop(), []);
  const start = async () => {
    try {
      let count = 0;
      chunks.current = [];
      const opened = await openMicrophone((samples) => {
        chunks.current.push(samples);
        count += samples.length;
        setSeconds(count / (microphone.current?.rate ?? 48_000));
      });
      microphone.current = opened;
      setSeconds(0);
    } catch (error) {
      onProblem(error instanceof Error ? new Error(`The microphone cannot be used: ${error.message}`) : error);
    }
  };
  const stop = async () => {
    const opened = microphone.current;
    microphone.current = null;
    setSeconds(null);
    if (opened === null) return;
    await opened.stop();
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    onFile(new File([encodeWav(chunks.current, opened.rate)], `recording ${stamp}.wav`, { type: "audio/wav" }));
  };
  return { seconds, start, stop };
}

interface Props {
  limit: number | null;
  upload: Upload | null;
  onUpload: (upload: Upload | null) => void;
}

export function AudioInput({ limit, upload, onUpload }: Props) {
  const [over, setOver] = useState(false);
  const [sending, setSending] = useState<{ name: string; fraction: number; stop: AbortController } | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const picker = useRef<HTMLInputElement>(null);

  const take = async (file: File) => {
    setProblem(null);
    onUpload(null);
    if (limit !== null && file.size > limit) {
      setProblem(new Error(`The file has ${bytes(file.size)}; at most ${bytes(limit)} are taken.`));
      return;
    }
    const found = sniff(new Uint8Array(await file.slice(0, 64).arrayBuffer()));
    if (!found.ok) {
      setProblem(new Error(found.why));
      return;
    }
    const stop = new AbortController();
    setSending({ name: file.name, fraction: 0, stop });
    try {
      onUpload(
        await sendFile(file, file.name, (fraction) => setSending({ name: file.name, fraction, stop }), stop.signal),
      );
    } catch (error) {
      if (!stop.signal.aborted) setProblem(error);
    } finally {
      setSending(null);
    }
  };
  const recording = useRecording((file) => void take(file), setProblem);

  return (
    <div className="space-y-3">
      <div
        className={`rounded-lg border-2 border-dashed px-4 py-8 text-center ${over ? "border-accent bg-accent/10" : "border-line"}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const file = event.dataTransfer.files[0];
          if (file !== undefined) void take(file);
        }}
      >
        <p className="mb-3">Drop an audio file here, or</p>
        <div className="flex flex-wrap justify-center gap-2">
          <Button primary onClick={() => picker.current?.click()}>
            Choose a file
          </Button>
          {recording.seconds === null ? (
            <Button onClick={() => void recording.start()}>Record from the microphone</Button>
          ) : (
            <Button danger onClick={() => void recording.stop()}>
              Stop recording ({clock(recording.seconds)})
            </Button>
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
      {sending !== null && (
        <div className="flex items-center gap-3">
          <span className="truncate">{sending.name}</span>
          <Meter fraction={sending.fraction} label={`Sending ${sending.name}`} />
          <Button small onClick={() => sending.stop.abort()}>
            Stop
          </Button>
        </div>
      )}
      {upload !== null && (
        <p role="status">
          <span className="font-medium text-good">Ready:</span> {upload.name}, {bytes(upload.bytes)},{" "}
          {duration(upload.duration_seconds)}
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
