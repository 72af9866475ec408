/* Text to speech: a run like any other, then heard with the word that is said highlighted. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import { $api, api, download, fetchRaw, type Schemas } from "../api/client";
import { clock, duration } from "../lib/format";
import { useKept } from "../lib/kept";
import { useAction } from "../runs/actions";
import { isActive } from "../runs/labels";
import { Button, Card, Field, inputLook, Status } from "../ui/controls";
import { Failure } from "../ui/state";

interface Spoken {
  duration_seconds: number;
  words: { word: string; at: number; start: number; end: number }[];
}

/* Where each word stands in the text: `at` counts bytes of UTF-8, strings count units of UTF-16. */
function placesOf(text: string, words: Spoken["words"]): { from: number; to: number; start: number; end: number }[] {
  const decoder = new TextDecoder();
  const encoded = new TextEncoder().encode(text);
  return words.map(({ word, at, start, end }) => {
    const from = decoder.decode(encoded.subarray(0, at)).length;
    return { from, to: from + word.length, start, end };
  });
}

function Said({ text, run }: { text: string; run: Schemas["Run"] }) {
  const artifact = (name: string) => run.artifacts.find((one) => one.filename === name);
  const audio = artifact("speech.wav");
  const words = artifact("spoken.json");
  const path = (id: string) => `/api/v1/runs/${run.run_id}/artifacts/${id}`;
  const spoken = useQuery({
    queryKey: ["spoken", run.run_id],
    queryFn: async () => (await (await fetchRaw(path(words?.id ?? ""))).json()) as Spoken,
    enabled: words !== undefined,
    staleTime: Infinity,
  });
  const sound = useQuery({
    queryKey: ["sound", run.run_id],
    queryFn: async () => (await fetchRaw(path(audio?.id ?? ""))).blob(),
    enabled: audio !== undefined,
    staleTime: Infinity,
  });
  const [time, setTime] = useState(-1);
  const player = useRef<HTMLAudioElement>(null);
  const url = useMemo(() => (sound.data === undefined ? undefined : URL.createObjectURL(sound.data)), [sound.data]);
  useEffect(() => () => void (url !== undefined && URL.revokeObjectURL(url)), [url]);
  const places = useMemo(() => placesOf(text, spoken.data?.words ?? []), [text, spoken.data]);
  const now = places.find((place) => time >= place.start && time < place.end);
  // `timeupdate` comes four times a second, words come faster.
  useEffect(() => {
    let frame = 0;
    const follow = () => {
      if (player.current !== null && !player.current.paused) setTime(player.current.currentTime);
      frame = requestAnimationFrame(follow);
    };
    frame = requestAnimationFrame(follow);
    return () => cancelAnimationFrame(frame);
  }, []);

  if (spoken.isError || sound.isError) return <Failure error={spoken.error ?? sound.error} />;
  return (
    <div className="space-y-3">
      <audio ref={player} controls src={url} className="w-full" aria-label="What was said" />
      <p className="text-lg leading-relaxed whitespace-pre-wrap" aria-label="Text">
        {now === undefined ? (
          text
        ) : (
          <>
            {text.slice(0, now.from)}
            <mark className="rounded-sm bg-accent text-accent-ink">{text.slice(now.from, now.to)}</mark>
            {text.slice(now.to)}
          </>
        )}
      </p>
      <p className="flex flex-wrap items-center gap-3 text-sm text-soft">
        {spoken.data && `${duration(spoken.data.duration_seconds)}, ${places.length} words`}
        {now !== undefined && `, at ${clock(now.start)}`}
        {audio && (
          <Button small onClick={() => void download(path(audio.id), "speech.wav")}>
            Save as WAV
          </Button>
        )}
      </p>
    </div>
  );
}

function Watch({ id, text }: { id: string; text: string }) {
  const run = $api.useQuery(
    "get",
    "/api/v1/runs/{id}",
    { params: { path: { id } } },
    { refetchInterval: (query) => (query.state.data && !isActive(query.state.data.status) ? false : 500) },
  );
  if (run.isError) return <Failure error={run.error} />;
  if (run.data === undefined) return null;
  return (
    <Card
      title={
        <>
          <Status value={run.data.status} />{" "}
          <Link className="ml-2 font-mono text-sm font-normal text-accent hover:underline" to={`/runs/${id}`}>
            {id}
          </Link>
        </>
      }
    >
      {run.data.reason !== null && <p className="text-bad">{run.data.reason.message}</p>}
      {run.data.status === "COMPLETED" && <Said text={text} run={run.data} />}
    </Card>
  );
}

export function Component() {
  const [text, setText] = useKept("speak.text", "At ten past two the run ended, and every word of it was kept.");
  const [voice, setVoice] = useKept("speak.voice", "");
  const [speed, setSpeed] = useKept("speak.speed", 1);
  const [said, setSaid] = useKept<{ id: string; text: string } | null>("speak.said", null);
  const models = $api.useQuery("get", "/api/v1/models", {});
  const voices = (models.data?.items ?? []).filter((model) => model.task === "tts" && model.state === "installed");
  const { busy, problem, act } = useAction();

  const speak = async () => {
    const tts = { text, speed, ...(voice !== "" && { voice }) };
    const { data } = await api.POST("/api/v1/runs", { body: { pipeline: "speak", config: { tts } } });
    if (data !== undefined) setSaid({ id: data.run_id, text });
  };

  return (
    <>
      <h1 className="text-xl font-semibold">Speak</h1>
      <Card>
        <form
          className="space-y-3"
          onSubmit={(event) => {
            event.preventDefault();
            void act(speak);
          }}
        >
          <Field label="Text" hint={`${text.length.toLocaleString()} of 150,000 characters`}>
            <textarea
              className={`${inputLook} min-h-32 text-lg`}
              maxLength={150_000}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          </Field>
          <div className="grid grid-cols-2 gap-3">
            <Field label="Voice">
              <select className={inputLook} value={voice} onChange={(event) => setVoice(event.target.value)}>
                <option value="">Default</option>
                {voices.map((model) => (
                  <option key={model.name}>{model.name}</option>
                ))}
              </select>
            </Field>
            <Field label={`Speed: ${speed.toFixed(2)}`}>
              <input
                type="range"
                className="w-full accent-accent"
                min={0.5}
                max={2}
                step={0.05}
                value={speed}
                onChange={(event) => setSpeed(Number(event.target.value))}
              />
            </Field>
          </div>
          {models.data !== undefined && voices.length === 0 && (
            <p className="text-warn">
              No voice is installed.{" "}
              <Link className="underline" to="/models">
                Pull one
              </Link>{" "}
              first.
            </p>
          )}
          <Button primary type="submit" disabled={busy || text.trim() === ""}>
            Speak
          </Button>
        </form>
        {problem !== null && <Failure error={problem} />}
      </Card>
      {said !== null && <Watch key={said.id} id={said.id} text={said.text} />}
    </>
  );
}
