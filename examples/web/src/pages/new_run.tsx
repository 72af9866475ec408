/* A new run: input, pipeline, options; validated as they are typed, estimated before it starts, kept when the page is left. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { $api, api, ApiError, type Schemas } from "../api/client";
import { useDebounced } from "../lib/debounce";
import { duration, money, moment } from "../lib/format";
import { useKept } from "../lib/kept";
import { useAction } from "../runs/actions";
import { fieldOf, isWrong, requestOf, untouched, type Draft, type Submission, type Wrong } from "../runs/draft";
import { AudioInput } from "../runs/input";
import { uploadName, type Upload } from "../runs/upload";
import { Button, Card, Facts, Field, inputLook } from "../ui/controls";
import { Failure } from "../ui/state";

function useValidation(request: Submission | Wrong) {
  return useQuery({
    queryKey: ["validate", request],
    queryFn: async ({ signal }) =>
      (await api.POST("/api/v1/runs/validate", { body: request as Submission, signal })).data ?? null,
    enabled: !isWrong(request),
    staleTime: 60_000,
    retry: false,
  });
}

/* All that is wrong now: of the page's own reading, of the server's look at it, of the last try to start. */
function wrongsOf(request: Submission | Wrong, findings: Schemas["Finding"][], problem: unknown): Wrong[] {
  const own = isWrong(request) ? [request] : [];
  const told = findings.filter((finding) => finding.severity === "error");
  const refused =
    problem instanceof ApiError ? problem.errors.map((e) => ({ pointer: e.pointer, text: e.detail })) : [];
  const all = [...own, ...told.map(({ pointer, text }) => ({ pointer, text })), ...refused];
  return all.filter((one, i) => all.findIndex((other) => other.text === one.text) === i);
}

function Estimate({ request }: { request: Submission }) {
  const estimate = useQuery({
    queryKey: ["estimate", request],
    queryFn: async ({ signal }) => (await api.POST("/api/v1/runs/estimate", { body: request, signal })).data ?? null,
    staleTime: 60_000,
    retry: false,
  });
  if (estimate.isError) return <Failure error={estimate.error} again={() => void estimate.refetch()} />;
  if (estimate.data == null) return <p className="text-soft">Estimating …</p>;
  const { wall_seconds, cpu_seconds, cost_micros, currency, admission, basis, samples } = estimate.data;
  return (
    <Facts
      items={[
        ["Takes about", duration(wall_seconds?.expected)],
        ["CPU time", duration(cpu_seconds?.expected)],
        ["Costs about", money(cost_micros?.expected, currency ?? "USD")],
        ["Admission", admission === "now" ? "at once" : admission.replaceAll("_", " ")],
        ["Known from", basis === "fallback" ? "no earlier runs" : `${samples} earlier runs`],
      ]}
    />
  );
}

function Options({ draft, set, wrong }: { draft: Draft; set: (change: Partial<Draft>) => void; wrong: Fields }) {
  const pipelines = $api.useQuery("get", "/api/v1/pipelines", {});
  const models = $api.useQuery("get", "/api/v1/models", {});
  const chosen = pipelines.data?.items.find((pipeline) => pipeline.name === draft.pipeline);
  const recognisers = (models.data?.items ?? []).filter((one) => one.task === "asr" && one.state === "installed");
  const names = (pipelines.data?.items ?? []).map((pipeline) => pipeline.name);
  const shown = names.includes(draft.pipeline) ? names : [draft.pipeline, ...names];
  return (
    <div className="space-y-3">
      {pipelines.isError && <Failure error={pipelines.error} again={() => void pipelines.refetch()} />}
      <Field label="Pipeline" hint={chosen?.text ?? " "} wrong={wrong("pipeline")}>
        <select
          className={inputLook}
          value={draft.pipeline}
          onChange={(event) => set({ pipeline: event.target.value })}
        >
          {shown.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label="Model" wrong={wrong("model")}>
          <select className={inputLook} value={draft.model} onChange={(event) => set({ model: event.target.value })}>
            <option value="">Default</option>
            {recognisers.map((model) => (
              <option key={model.name}>{model.name}</option>
            ))}
          </select>
        </Field>
        <Field label="Language" wrong={wrong("language")}>
          <input
            className={inputLook}
            placeholder="as the model has it; en, de, auto …"
            value={draft.language}
            onChange={(event) => set({ language: event.target.value.trim() })}
          />
        </Field>
        <Field label="Priority" wrong={wrong("priority")}>
          <select
            className={inputLook}
            value={draft.priority}
            onChange={(event) => set({ priority: event.target.value as Draft["priority"] })}
          >
            {["low", "normal", "high", "urgent"].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </Field>
        <Field label="Longest time, minutes" wrong={wrong("minutes")}>
          <input
            className={inputLook}
            inputMode="decimal"
            placeholder="as configured"
            value={draft.minutes}
            onChange={(event) => set({ minutes: event.target.value.trim() })}
          />
        </Field>
      </div>
      <Field label="Labels" wrong={wrong("labels")}>
        <input
          className={inputLook}
          placeholder="project=alpha, room=3"
          value={draft.labels}
          onChange={(event) => set({ labels: event.target.value })}
        />
      </Field>
      <Field label="Options of the steps, as JSON" wrong={wrong("more")}>
        <textarea
          className={`${inputLook} min-h-20 font-mono text-sm`}
          spellCheck={false}
          placeholder={'{"asr": {"beam_size": 5}}'}
          value={draft.more}
          onChange={(event) => set({ more: event.target.value })}
        />
      </Field>
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={draft.hold}
          onChange={(event) => set({ hold: event.target.checked })}
        />
        Hold it in the queue until it is released
      </label>
    </div>
  );
}

type Fields = (name: keyof Draft | "upload") => string[];

export function Component() {
  const [upload, setUpload, dropUpload] = useKept<Upload | null>(uploadName, null);
  const [draft, setDraft, dropDraft] = useKept("new", untouched);
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const pipelines = $api.useQuery("get", "/api/v1/pipelines", {});
  const info = $api.useQuery("get", "/api/v1/info", {});
  const { busy, problem: last, act } = useAction();
  const [tried, setTried] = useState<Submission | null>(null);
  const go = useNavigate();
  const request = useMemo(() => requestOf(draft, upload?.id ?? null), [draft, upload]);
  const rested = useDebounced(request, 400);
  const chosen = pipelines.data?.items.find((pipeline) => pipeline.name === draft.pipeline);
  const validation = useValidation(rested);
  const valid = validation.data?.valid === true && rested === request;
  const needsInput = !(chosen?.steps.length === 1 && chosen.steps[0] === "tts");
  const ready = upload !== null || !needsInput;
  // What was refused is no longer told once something else is asked for.
  const problem = tried === request ? last : null;
  const wrongs = wrongsOf(request, validation.data?.findings ?? [], problem);
  const wrong: Fields = (name) => wrongs.filter((w) => fieldOf(w.pointer, draft) === name).map((w) => w.text);
  const elsewhere = wrongs.filter((w) => [null, "upload"].includes(fieldOf(w.pointer, draft)));
  const warnings = (validation.data?.findings ?? []).filter((finding) => finding.severity === "warning");

  const anew = () => {
    setUpload(null);
    setDraft(untouched);
  };
  const start = async () => {
    if (isWrong(request)) return;
    setTried(request);
    const { data } = await api.POST("/api/v1/runs", { body: request });
    if (data === undefined) return;
    dropUpload();
    dropDraft();
    await go(`/runs/${data.run_id}`);
    // Who comes back before the other page was drawn finds this one as it was.
    anew();
  };
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-xl font-semibold">New run</h1>
        {(upload !== null || JSON.stringify(draft) !== JSON.stringify(untouched)) && (
          <Button small onClick={anew}>
            Begin anew
          </Button>
        )}
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="space-y-4">
          <Card title="Audio">
            <AudioInput limit={info.data?.limits["max_upload_bytes"] ?? null} upload={upload} onUpload={setUpload} />
            {upload !== null && (
              <p className="mt-1 text-sm text-soft">The server keeps it for this until {moment(upload.expires_at)}.</p>
            )}
          </Card>
          <Card title="Before it starts">
            <div className="space-y-3" aria-live="polite">
              {validation.isError && <Failure error={validation.error} again={() => void validation.refetch()} />}
              {elsewhere.map((w) => (
                <p key={w.pointer + w.text} className="text-bad">
                  {w.pointer !== "" && <code className="mr-2">{w.pointer}</code>}
                  {w.text}
                </p>
              ))}
              {warnings.map((finding) => (
                <p key={finding.pointer + finding.id} className="text-warn">
                  {finding.text}
                </p>
              ))}
              {wrongs.length > elsewhere.length && (
                <p className="text-bad">Something is not right yet: see the fields in red.</p>
              )}
              {valid && chosen !== undefined && (
                <p className="text-soft">Steps: {(validation.data?.steps ?? chosen.steps).join(" → ")}</p>
              )}
              {!ready && <p className="text-soft">The estimate comes once there is audio.</p>}
              {ready && valid && <Estimate request={request as Submission} />}
            </div>
            {problem !== null && !(problem instanceof ApiError && problem.status === 422) && (
              <Failure error={problem} />
            )}
            <div className="mt-3 flex flex-wrap items-center gap-3">
              <Button primary disabled={busy || !valid || !ready} onClick={() => void act(start)}>
                Start the run
              </Button>
              {!ready && <span className="text-soft">It needs audio first.</span>}
            </div>
          </Card>
        </div>
        <Card title="What is to be done">
          <Options draft={draft} set={set} wrong={wrong} />
        </Card>
      </div>
    </>
  );
}
