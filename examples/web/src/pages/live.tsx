/* Live transcription: what the microphone hears as text while it is said; afterwards it is a run like any other. */
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { $api } from "../api/client";
import { clock, duration } from "../lib/format";
import { useKept } from "../lib/kept";
import { silent, Stream, type Live } from "../live/stream";
import { Copy } from "../ui/copy";
import { Button, Card, Field, inputLook } from "../ui/controls";
import { Empty, Failure } from "../ui/state";

const phases: Record<Live["phase"], string> = {
  idle: "",
  connecting: "Connecting …",
  listening: "Listening",
  paused: "Paused",
  ending: "The rest is being recognised …",
  ended: "Ended",
  cut: "Cut off",
};
const isOn = (phase: Live["phase"]) => ["connecting", "listening", "paused", "ending"].includes(phase);

function Said({ live }: { live: Live }) {
  const end = useRef<HTMLLIElement>(null);
  const last = `${live.finals.length} ${live.partial?.text ?? ""}`;
  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" });
  }, [last]);
  return (
    <ol className="max-h-[60vh] min-h-64 space-y-1 overflow-y-auto text-lg" tabIndex={0} aria-label="What was said">
      {live.finals.flatMap((piece) =>
        (piece.segments.length > 0 ? piece.segments : [{ ...piece, id: 0 }]).map((segment) => (
          <li key={`${piece.index} ${segment.id}`} className="flex gap-3">
            <span className="shrink-0 pt-0.5 font-mono text-sm text-soft">{clock(segment.start)}</span>
            <span>{segment.text.trim()}</span>
          </li>
        )),
      )}
      {live.partial !== null && (
        <li className="flex gap-3 text-soft italic" aria-label="Being said">
          <span className="shrink-0 pt-0.5 font-mono text-sm">{clock(live.partial.start)}</span>
          <span>{live.partial.text.trim()} …</span>
        </li>
      )}
      <li ref={end} aria-hidden />
    </ol>
  );
}

export function Component() {
  const [model, setModel] = useKept("live.model", "");
  const [language, setLanguage] = useKept("live.language", "");
  const [live, setLive] = useKept<Live>("live", silent);
  const [problem, setProblem] = useState<unknown>(null);
  const models = $api.useQuery("get", "/api/v1/models", {});
  const recognisers = (models.data?.items ?? []).filter((one) => one.task === "asr" && one.state === "installed");
  const stream = useRef<Stream | null>(null);
  const on = isOn(live.phase);

  useEffect(() => {
    // A stream of before a reload has gone with its connection.
    setLive((old) => (isOn(old.phase) ? { ...old, phase: "cut", message: null } : old));
    return () => void stream.current?.leave();
  }, [setLive]);
  useEffect(() => {
    if (!on) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [on]);

  const start = () => {
    setProblem(null);
    stream.current = new Stream(setLive, setProblem);
    stream.current.start(model, language).catch(setProblem);
  };
  const text = () => live.finals.map((piece) => piece.text.trim()).join("\n");

  return (
    <>
      <h1 className="text-xl font-semibold">Live transcription</h1>
      <Card>
        <div className="flex flex-wrap items-end gap-3">
          <div className="w-56 max-sm:w-full">
            <Field label="Model">
              <select
                className={inputLook}
                value={model}
                disabled={on}
                onChange={(event) => setModel(event.target.value)}
              >
                <option value="">Default</option>
                {recognisers.map((one) => (
                  <option key={one.name}>{one.name}</option>
                ))}
              </select>
            </Field>
          </div>
          <div className="w-56 max-sm:w-full">
            <Field label="Language">
              <input
                className={inputLook}
                placeholder="as the model has it"
                value={language}
                disabled={on}
                onChange={(event) => setLanguage(event.target.value.trim())}
              />
            </Field>
          </div>
          {!on && (
            <Button primary onClick={start}>
              {live.phase === "idle" ? "Start listening" : "Start anew"}
            </Button>
          )}
          {(live.phase === "listening" || live.phase === "paused") && (
            <>
              <Button onClick={() => stream.current?.pause(live.phase === "listening")}>
                {live.phase === "paused" ? "Go on" : "Pause"}
              </Button>
              <Button primary onClick={() => stream.current?.stop()}>
                Stop
              </Button>
            </>
          )}
        </div>
        {models.data !== undefined && recognisers.length === 0 && (
          <p className="mt-3 text-warn">
            No recogniser is installed.{" "}
            <Link className="underline" to="/models">
              Pull one
            </Link>{" "}
            first.
          </p>
        )}
      </Card>
      {problem !== null && <Failure error={problem} />}
      {live.phase === "idle" ? (
        <Empty title="Nothing was said yet.">
          The microphone goes to the server as it is spoken. Text in grey may still change; text with a time will not.
        </Empty>
      ) : (
        <Card
          title={
            <span className="flex flex-wrap items-center gap-x-4 gap-y-1">
              <span
                role="status"
                className={live.phase === "listening" ? "text-good" : live.phase === "cut" ? "text-bad" : ""}
              >
                {live.phase === "listening" && (
                  <span aria-hidden className="mr-2 inline-block size-2.5 animate-pulse rounded-full bg-current" />
                )}
                {phases[live.phase]}
              </span>
              <span className="text-sm font-normal text-soft">
                {duration(live.sent)} heard
                {live.delay !== null && `, text ${live.delay.toFixed(1)} s behind`}
                {live.model !== "" && `, ${live.model}`}
              </span>
            </span>
          }
          actions={live.finals.length > 0 && <Copy label="Copy the text" text={text} />}
        >
          {live.phase === "cut" && (
            <p className="mb-3 text-bad">
              {live.message ?? "The page was left while it listened."} What had been recognised is still here.
            </p>
          )}
          {live.message !== null && live.phase === "ended" && <p className="mb-3 text-bad">{live.message}</p>}
          <Said live={live} />
          {live.runId !== null && !on && (
            <p className="mt-3">
              <Link className="font-medium text-accent underline" to={`/runs/${live.runId}`}>
                Open the run
              </Link>{" "}
              <code className="text-sm text-soft">{live.runId}</code>
            </p>
          )}
        </Card>
      )}
    </>
  );
}
