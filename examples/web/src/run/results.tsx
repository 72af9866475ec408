/* What a run took and how good it is. */
import { Link } from "react-router";
import type { Schemas } from "../api/client";
import { bytes, duration, money, moment } from "../lib/format";
import { Facts } from "../ui/controls";

type Run = Schemas["Run"];

export function Resources({ run }: { run: Run }) {
  const { measures: m, cost } = run;
  const speed =
    run.duration_ms !== null && m.audio_seconds !== null && m.audio_seconds > 0
      ? `${(run.duration_ms / 1000 / m.audio_seconds).toFixed(3)} of real time`
      : "–";
  return (
    <Facts
      items={[
        ["Cost", money(cost.micros, cost.currency)],
        ["Estimated", money(cost.estimated_micros, cost.currency)],
        ["CPU time", duration(m.cpu_seconds)],
        ["GPU time", m.gpu_seconds === null ? "not measured" : duration(m.gpu_seconds)],
        ["Peak memory", bytes(m.peak_memory_bytes)],
        ["API calls", m.api_calls ?? "–"],
        ["Audio", duration(m.audio_seconds)],
        ["Speed", speed],
        ["Waited", duration((run.queue_wait_ms ?? -1000) / 1000)],
        ["Prices", cost.price_sheet ?? "–"],
      ]}
    />
  );
}

export function Provenance({ run }: { run: Run }) {
  return (
    <Facts
      items={[
        ["Run", <code key="id">{run.run_id}</code>],
        ["Request", <code key="request">{run.request_id ?? "–"}</code>],
        ["Trace", <code key="trace">{run.trace_id ?? "–"}</code>],
        ["Requested", moment(run.requested_at)],
        ["Started", moment(run.started_at)],
        ["Ended", moment(run.ended_at)],
        ["Attempt", run.attempt],
        ["Model", run.engine.model ?? "–"],
        ["Engine", run.engine.description ?? "–"],
        ["Sandbox", run.sandbox ?? "–"],
        ["Input", <code key="input">{run.input_metadata?.sha256?.slice(0, 16) ?? "–"}</code>],
        [
          "Made of",
          run.parent_run_id === null ? (
            "–"
          ) : (
            <Link key="parent" className="text-accent underline" to={`/runs/${run.parent_run_id}`}>
              {run.parent_run_id}
            </Link>
          ),
        ],
        [
          "Experiment",
          run.experiment_id === null ? "–" : `${run.experiment_id.slice(0, 12)}, ${run.candidate_id ?? ""}`,
        ],
      ]}
    />
  );
}

export function Quality({ run }: { run: Run }) {
  const metrics = Object.entries(run.metrics ?? {}).filter(([, value]) => value !== null);
  return (
    <div className="space-y-2">
      {run.quality_flags !== null && run.quality_flags.length > 0 && (
        <ul className="flex flex-wrap gap-2">
          {run.quality_flags.map((flag) => (
            <li key={flag} className="rounded-full border border-warn px-2 text-sm text-warn">
              {flag}
            </li>
          ))}
        </ul>
      )}
      {(run.findings ?? []).length > 0 && (
        <p className="text-sm text-soft">{run.findings?.length} findings in the transcript</p>
      )}
      {metrics.length > 0 ? (
        <Facts
          items={metrics.map(([name, value]) => [
            name,
            typeof value === "number" ? value.toPrecision(4) : String(value),
          ])}
        />
      ) : (
        <p className="text-soft">No reference was given, so nothing was scored.</p>
      )}
    </div>
  );
}
