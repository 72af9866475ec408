/* Recording from the microphone. Each second goes into the browser's database as well, so that a reload costs at most one. */
import { useEffect, useRef, useState } from "react";
import { openMicrophone, type Microphone } from "../lib/microphone";
import { dropSound, keepPart, keepSound } from "../lib/sounds";
import { encodeWav } from "../lib/wav";

export function wavFile(name: string, parts: Float32Array[], rate: number): File {
  return new File([encodeWav(parts, rate)], name, { type: "audio/wav" });
}

function joined(parts: Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

interface Recording {
  microphone: Microphone;
  name: string;
  parts: Float32Array[];
  /* Of `parts`, how many the database has. */
  kept: number;
  /* The database has them without a gap. */
  isWhole: boolean;
}

export function useRecording(onFile: (file: File, isKept: boolean) => void, onProblem: (error: unknown) => void) {
  const [seconds, setSeconds] = useState<number | null>(null);
  const [starting, setStarting] = useState(false);
  const current = useRef<Recording | null>(null);
  const isGone = useRef(false);
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
      void current.current?.microphone.stop();
      current.current = null;
    };
  }, []);
  /* A failure is told once; the recording goes on in memory. */
  const keep = async (recording: Recording) => {
    const part = joined(recording.parts.slice(recording.kept));
    recording.kept = recording.parts.length;
    try {
      await keepPart(part);
    } catch (error) {
      if (recording.isWhole) onProblem(error);
      recording.isWhole = false;
    }
  };
  const start = async () => {
    setStarting(true);
    const parts: Float32Array[] = [];
    let count = 0;
    let unkept = 0;
    let rate = 48_000;
    let microphone: Microphone | null = null;
    try {
      microphone = await openMicrophone((samples) => {
        parts.push(samples);
        count += samples.length;
        unkept += samples.length;
        // Sound comes before the recording has begun and after it has ended, too: that shows nothing.
        const recording = current.current;
        if (recording?.parts !== parts) return;
        setSeconds(count / rate);
        if (unkept < rate) return;
        unkept = 0;
        void keep(recording);
      });
      // The page may be left while the browser asks whether it may hear.
      if (isGone.current) {
        await microphone.stop();
        return;
      }
      rate = microphone.rate;
      const stamp = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", "-");
      const name = `recording ${stamp}.wav`;
      await keepSound(name, rate);
      if (isGone.current) {
        await microphone.stop();
        return;
      }
      current.current = { microphone, name, parts, kept: 0, isWhole: true };
      setSeconds(count / rate);
    } catch (error) {
      await microphone?.stop();
      const why = error instanceof Error ? error.message : String(error);
      onProblem(new Error(`The microphone cannot be used: ${why}`));
    } finally {
      setStarting(false);
    }
  };
  const stop = async () => {
    const recording = current.current;
    current.current = null;
    setSeconds(null);
    if (recording === null) return;
    await recording.microphone.stop();
    if (recording.kept < recording.parts.length) await keep(recording);
    onFile(wavFile(recording.name, recording.parts, recording.microphone.rate), recording.isWhole);
  };
  const discard = async () => {
    const recording = current.current;
    current.current = null;
    setSeconds(null);
    await recording?.microphone.stop();
    await dropSound();
  };
  return { seconds, starting, start, stop, discard };
}
