/* One run: what is heard, what was done, what it took, and what can be done with it. */
import { useQuery } from "@tanstack/react-query";
import { Tabs } from "radix-ui";
import { useCallback, useMemo, useRef, useState, type ReactNode } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { $api, api, ApiError, fetchRaw, type Schemas } from "../api/client";
import { duration } from "../lib/format";
import { Position } from "../lib/position";
import { Coverage, useCoverage } from "../run/coverage";
import { Events, useEvents } from "../run/events";
import { Files } from "../run/files";
import { Log } from "../run/log";
import { lanesOf, Player, type PlayerHandle } from "../run/player";
import { Provenance, Quality, Resources } from "../run/results";
import { Steps } from "../run/steps";
import { Transcript } from "../run/transcript";
import { useAction } from "../runs/actions";
import { isActive } from "../runs/labels";
import { Button, Card, inputLook, Meter, Status } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

type Run = Schemas["Run"];

/* What may not be there (yet) is null; every other refusal is an error. */
async function orNull<T>(reply: Promise<{ data?: T }>): Promise<T | null> {
  try {
    return (await reply).data ?? null;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return null;
    throw error;
  }
}

type Spoken = Schemas["Transcript"] & { words?: Schemas["Word"][] };

/* Words with what stands before each in the text, which the format leaves out: spaces, where the language has any. */
function spaced(text: string, words: Schemas["Word"][]): Schemas["Word"][] {
  let from = 0;
  return words.map((word) => {
    const at = text.indexOf(word.word, from);
    if (at < 0) return { ...word, word: ` ${word.word}` };
    const before = text.slice(from, at);
    from = at + word.word.length;
    return { ...word, word: before + word.word };
  });
}

/* Segments with the words that belong to them: the format has them in a list of their own, in order of time. */
function withWords(spoken: Spoken): Spoken {
  const words = spoken.words ?? [];
  let next = 0;
  const segments = spoken.segments.map((segment, i) => {
    const until = spoken.segments[i + 1]?.start ?? Infinity;
    const own = [];
    for (let word = words[next]; word !== undefined && (word.start + word.end) / 2 < until; word = words[++next])
      own.push(word);
    return segment.words === undefined && own.length > 0
      ? { ...segment, words: spaced(segment.text.trim(), own) }
      : segment;
  });
  return { ...spoken, segments };
}

function Actions({ run }: { run: Run }) {
  const { busy, problem, act } = useAction();
  const [other, setOther] = useState("");
  const go = useNavigate();
  const path = { params: { path: { id: run.run_id } } };
  const child = async (made: Promise<{ data?: { run_id: string } }>) => {
    const { data } = await made;
    if (data !== undefined) await go(`/runs/${data.run_id}`);
  };
  const active = isActive(run.status);
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        {active && (
          <Button danger disabled={busy} onClick={() => void act(() => api.POST("/api/v1/runs/{id}/cancel", path))}>
            Cancel
          </Button>
        )}
        {!active && !run.recorded && run.status !== "COMPLETED" && (
          <Button
            primary
            disabled={busy}
            onClick={() => void act(() => child(api.POST("/api/v1/runs/{id}/retry", path)))}
          >
            Retry
          </Button>
        )}
        {!active && !run.recorded && (
          <Button disabled={busy} onClick={() => void act(() => child(api.POST("/api/v1/runs/{id}/rerun", path)))}>
            Run again
          </Button>
        )}
        <form
          className="flex items-center gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            void go(`/compare?a=${run.run_id}&b=${encodeURIComponent(other.trim())}`);
          }}
        >
          <input
            className={`${inputLook} w-56`}
            aria-label="Compare with run"
            placeholder="Compare with run id"
            value={other}
            onChange={(event) => setOther(event.target.value)}
          />
          <Button type="submit" disabled={other.trim() === ""}>
            Compare
          </Button>
        </form>
      </div>
      {problem !== null && <Failure error={problem} />}
    </div>
  );
}

function Progress({ id }: { id: string }) {
  const state = $api.useQuery(
    "get",
    "/api/v1/runs/{id}/status",
    { params: { path: { id } } },
    { refetchInterval: 2_000 },
  );
  const progress = state.data?.progress;
  const queue = state.data?.queue;
  return (
    <div className="mt-2 max-w-xl">
      {progress && <Meter fraction={progress.fraction ?? 0} label="Progress of the run" />}
      <p className="text-sm text-soft" role="status">
        {progress?.fraction != null && `${Math.round(progress.fraction * 100)} % of the audio`}
        {progress?.eta_seconds != null && `, about ${duration(progress.eta_seconds)} left`}
        {queue && `${queue.position !== null ? `Place ${queue.position}: ` : ""}${queue.message ?? queue.why}`}
      </p>
    </div>
  );
}

/* The parts of the page behind tabs; the address keeps which one is open. */
function Parts({ parts }: { parts: [string, ReactNode, ReactNode][] }) {
  const [params, change] = useSearchParams();
  const wanted = params.get("tab");
  const open = parts.some(([name]) => name === wanted) ? (wanted ?? "") : (parts[0]?.[0] ?? "");
  const choose = (name: string) => change(name === parts[0]?.[0] ? {} : { tab: name }, { replace: true });
  return (
    <Tabs.Root value={open} onValueChange={choose}>
      <Tabs.List aria-label="Parts of the run" className="mb-4 flex gap-1 overflow-x-auto border-b border-line">
        {parts.map(([name, title]) => (
          <Tabs.Trigger
            key={name}
            value={name}
            className="-mb-px border-b-2 border-transparent px-3 py-2 font-medium whitespace-nowrap text-soft hover:text-ink data-[state=active]:border-accent data-[state=active]:text-accent"
          >
            {title}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {parts.map(([name, , content]) => (
        <Tabs.Content key={name} value={name} tabIndex={-1}>
          {content}
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}

function Page({ id }: { id: string }) {
  const path = { params: { path: { id } } };
  const run = $api.useQuery("get", "/api/v1/runs/{id}", path);
  const ended = run.data !== undefined && !isActive(run.data.status);
  const hasInput = run.data?.input_metadata != null;
  const query = { format: "verbose_json" as const };
  const transcript = useQuery({
    queryKey: ["transcript", id, ended],
    queryFn: ({ signal }) =>
      orNull(api.GET("/api/v1/runs/{id}/transcript", { params: { path: { id }, query }, signal })).then((reply) =>
        reply === null ? null : withWords(reply as Spoken),
      ),
    enabled: run.data !== undefined,
  });
  const speakers = useQuery({
    queryKey: ["speakers", id],
    queryFn: ({ signal }) => orNull(api.GET("/api/v1/runs/{id}/speakers", { ...path, signal })),
    enabled: ended,
  });
  const peaks = useQuery({
    queryKey: ["peaks", id],
    queryFn: ({ signal }) =>
      orNull(api.GET("/api/v1/runs/{id}/peaks", { params: { path: { id }, query: { points: 1600 } }, signal })),
    enabled: hasInput && ended,
    staleTime: Infinity,
  });
  // Not every run keeps its sound: a live stream does not, and retention takes it away.
  const sound = useQuery({
    queryKey: ["sound", id],
    queryFn: async ({ signal }) => (await fetchRaw(`/api/v1/runs/${id}/audio`, { method: "HEAD", signal }, [404])).ok,
    enabled: hasInput && ended,
    staleTime: Infinity,
  });
  const { events, connected, problem } = useEvents(id);
  const [position] = useState(() => new Position());
  const player = useRef<PlayerHandle | null>(null);
  const seek = useCallback((seconds: number) => player.current?.seek(seconds), []);
  const ready = useCallback((handle: PlayerHandle) => {
    player.current = handle;
  }, []);
  const names = useMemo(() => speakers.data?.names ?? {}, [speakers.data]);
  const coverage = useCoverage(run.data, ended);
  const lanes = useMemo(() => lanesOf(transcript.data?.segments ?? [], names), [transcript.data, names]);

  if (run.isPending) return <Loading what="the run" />;
  if (run.isError)
    return (
      <>
        <h1 className="text-xl font-semibold break-all">Run {id}</h1>
        <Failure error={run.error} again={() => void run.refetch()} />
      </>
    );
  const shown = run.data;
  return (
    <>
      <div>
        <Link to="/runs" className="text-sm text-accent hover:underline">
          ← All runs
        </Link>
        <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
          <h1 className="text-xl font-semibold break-all">{shown.input_metadata?.name || shown.pipeline}</h1>
          <Status value={shown.status} />
          <span className="text-soft">{shown.pipeline}</span>
        </div>
        {shown.reason !== null && (
          <p className={ended ? "text-bad" : "text-soft"}>
            {shown.reason.message}
            {shown.failure_step !== null && ` (step ${shown.failure_step})`}
          </p>
        )}
        {!ended && <Progress id={id} />}
      </div>
      <Actions run={shown} />
      {sound.data === false && <p className="text-soft">The sound of this run was not kept.</p>}
      {hasInput && ended && sound.data !== false && (
        <Card title="Audio">
          {peaks.isFetched && sound.data ? (
            <Player
              id={id}
              peaks={peaks.data ?? null}
              seconds={shown.measures.audio_seconds ?? 0}
              lanes={lanes}
              position={position}
              onReady={ready}
            >
              {coverage !== null && <Coverage ledger={coverage} seek={seek} />}
            </Player>
          ) : (
            <Loading what="the waveform" />
          )}
        </Card>
      )}
      <Parts
        parts={[
          [
            "transcript",
            "Transcript",
            <div key="transcript" className="grid items-start gap-4 lg:grid-cols-[3fr_2fr]">
              <div className="min-w-0">
                {transcript.isError ? (
                  <Failure error={transcript.error} again={() => void transcript.refetch()} />
                ) : transcript.isPending ? (
                  <Loading what="the transcript" />
                ) : transcript.data === null ? (
                  <Empty title={ended ? "This run has no transcript." : "There is no transcript yet."} />
                ) : (
                  <Card title={transcript.data.partial ? "Transcript, as far as it came" : "Transcript"}>
                    <Transcript
                      id={id}
                      transcript={transcript.data}
                      lanes={lanes}
                      names={names}
                      position={position}
                      seek={seek}
                    />
                  </Card>
                )}
              </div>
              <div className="min-w-0 space-y-4">
                <Card title="Resources and cost">
                  <Resources run={shown} />
                </Card>
                <Card title="Quality">
                  <Quality run={shown} />
                </Card>
              </div>
            </div>,
          ],
          [
            "steps",
            "Steps",
            <Card key="steps" title="Steps">
              <Steps steps={shown.steps} />
            </Card>,
          ],
          [
            "events",
            <>Events {connected && <span className="ml-1 text-sm font-normal text-good">live</span>}</>,
            <Card key="events" title="Events">
              <Events events={events} problem={problem} />
            </Card>,
          ],
          [
            "log",
            "Log",
            <Card key="log" title="Log">
              <Log id={id} requestId={shown.request_id} />
            </Card>,
          ],
          [
            "files",
            "Files",
            <Card key="files" title="Files">
              <Files id={id} artifacts={shown.artifacts} hasTranscript={transcript.data != null} ended={ended} />
            </Card>,
          ],
          [
            "origin",
            "Origin",
            <Card key="origin" title="Where it comes from">
              <Provenance run={shown} />
            </Card>,
          ],
        ]}
      />
    </>
  );
}

export function Component() {
  const { id = "" } = useParams();
  // Another run is another page: nothing of the old one stays.
  return <Page key={id} id={id} />;
}
