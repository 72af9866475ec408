/* A new run: input, pipeline, options; validated as they are typed, estimated before it starts. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { $api, api, type Schemas } from "../api/client";
import { useDebounced } from "../lib/debounce";
import { duration, money } from "../lib/format";
import { useAction } from "../runs/actions";
import { AudioInput } from "../runs/input";
import type { Upload } from "../runs/upload";
import { Button, Card, Facts, Field, inputLook } from "../ui/controls";
import { Failure } from "../ui/state";

type Submission = Schemas["RunSubmission"];

interface Draft {
  pipeline: string;
  priority: "low" | "normal" | "high" | "urgent";
  language: string;
  minutes: string;
  more: string;
}

const untouched: Draft = { pipeline: "full_meeting", priority: "normal", language: "", minutes: "", more: "" };

/* The request that a draft makes, or why there is none. */
function requestOf(draft: Draft, upload: Upload | null): Submission | string {
  let config: Submission["config"] = {};
  if (draft.more.trim() !== "") {
    try {
      const parsed: unknown = JSON.parse(draft.more);
      if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return "Options are a JSON object.";
      config = parsed as Submission["config"];
    } catch (error) {
      return `Options are no JSON: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  if (draft.language !== "") config = { ...config, asr: { ...config?.asr, language: draft.language } };
  const minutes = draft.minutes === "" ? null : Number(draft.minutes);
  if (minutes !== null && !(minutes > 0)) return "The longest time is a number of minutes above 0.";
  return {
    pipeline: draft.pipeline,
    priority: draft.priority,
    ...(Object.keys(config ?? {}).length > 0 && { config }),
    ...(minutes !== null && { max_duration_seconds: minutes * 60 }),
    ...(upload !== null && { upload_id: upload.id }),
  };
}

function useValidation(request: Submission | string) {
  return useQuery({
    queryKey: ["validate", request],
    queryFn: async ({ signal }) =>
      (await api.POST("/api/v1/runs/validate", { body: request as Submission, signal })).data ?? null,
    enabled: typeof request !== "string",
    staleTime: 60_000,
    retry: false,
  });
}

function Findings({ request, hasInput }: { request: Submission; hasInput: boolean }) {
  const validation = useValidation(request);
  const estimate = useQuery({
    queryKey: ["estimate", request],
    queryFn: async ({ signal }) => (await api.POST("/api/v1/runs/estimate", { body: request, signal })).data,
    enabled: hasInput && validation.data?.valid === true,
    staleTime: 60_000,
    retry: false,
  });
  const told = (validation.data?.findings ?? []).filter((finding) => finding.severity !== "info");
  return (
    <div className="space-y-3" aria-live="polite">
      {validation.isError && <Failure error={validation.error} />}
      {told.map((finding) => (
        <p key={finding.pointer + finding.id} className={finding.severity === "error" ? "text-bad" : "text-soft"}>
          {finding.pointer !== "" && <code className="mr-2">{finding.pointer}</code>}
          {finding.text}
        </p>
      ))}
      {validation.data?.steps && <p className="text-soft">Steps: {validation.data.steps.join(" → ")}</p>}
      {estimate.isError && <Failure error={estimate.error} />}
      {estimate.data && (
        <Facts
          items={[
            ["Takes about", duration(estimate.data.wall_seconds?.expected)],
            ["CPU time", duration(estimate.data.cpu_seconds?.expected)],
            ["Costs about", money(estimate.data.cost_micros?.expected, estimate.data.currency ?? "USD")],
            ["Admission", estimate.data.admission],
            [
              "Known from",
              estimate.data.basis === "fallback" ? "no earlier runs" : `${estimate.data.samples} earlier runs`,
            ],
          ]}
        />
      )}
    </div>
  );
}

export function Component() {
  const [upload, setUpload] = useState<Upload | null>(null);
  const [draft, setDraft] = useState(untouched);
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const pipelines = $api.useQuery("get", "/api/v1/pipelines", {});
  const info = $api.useQuery("get", "/api/v1/info", {});
  const { busy, problem, act } = useAction();
  const go = useNavigate();
  const request = useMemo(() => requestOf(draft, upload), [draft, upload]);
  const rested = useDebounced(request, 400);
  const chosen = pipelines.data?.items.find((pipeline) => pipeline.name === draft.pipeline);
  const valid = useValidation(rested).data?.valid === true && rested === request;
  const needsInput = !(chosen?.steps.length === 1 && chosen.steps[0] === "tts");

  const start = async () => {
    if (typeof request === "string") return;
    const { data } = await api.POST("/api/v1/runs", { body: request });
    if (data !== undefined) await go(`/runs/${data.run_id}`);
  };

  return (
    <>
      <h1 className="text-xl font-semibold">New run</h1>
      <div className="grid gap-4 lg:grid-cols-2">
        <Card title="Audio">
          <AudioInput limit={info.data?.limits["max_upload_bytes"] ?? null} upload={upload} onUpload={setUpload} />
        </Card>
        <Card title="What is to be done">
          <div className="space-y-3">
            {pipelines.isError && <Failure error={pipelines.error} again={() => void pipelines.refetch()} />}
            <Field label="Pipeline" hint={chosen?.text}>
              <select
                className={inputLook}
                value={draft.pipeline}
                onChange={(event) => set({ pipeline: event.target.value })}
              >
                {(pipelines.data?.items ?? [{ name: draft.pipeline }]).map((pipeline) => (
                  <option key={pipeline.name}>{pipeline.name}</option>
                ))}
              </select>
            </Field>
            <div className="grid grid-cols-2 gap-3">
              <Field label="Priority">
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
              <Field label="Longest time, minutes">
                <input
                  className={inputLook}
                  inputMode="decimal"
                  placeholder="as configured"
                  value={draft.minutes}
                  onChange={(event) => set({ minutes: event.target.value.trim() })}
                />
              </Field>
            </div>
            <Field label="Language" hint="A code such as en, or auto with a model of many languages.">
              <input
                className={inputLook}
                placeholder="as the model has it"
                value={draft.language}
                onChange={(event) => set({ language: event.target.value.trim() })}
              />
            </Field>
            <Field label="Options of the steps, as JSON">
              <textarea
                className={`${inputLook} min-h-24 font-mono text-sm`}
                spellCheck={false}
                placeholder={'{"asr": {"beam_size": 5}}'}
                value={draft.more}
                onChange={(event) => set({ more: event.target.value })}
              />
            </Field>
          </div>
        </Card>
      </div>
      <Card title="Before it starts">
        {typeof rested === "string" ? (
          <p role="alert" className="text-bad">
            {rested}
          </p>
        ) : (
          <Findings request={rested} hasInput={upload !== null || !needsInput} />
        )}
        {problem !== null && <Failure error={problem} />}
        <div className="mt-3">
          <Button primary disabled={busy || !valid || (needsInput && upload === null)} onClick={() => void act(start)}>
            Start the run
          </Button>
          {needsInput && upload === null && <span className="ml-3 text-soft">It needs audio first.</span>}
        </div>
      </Card>
    </>
  );
}
