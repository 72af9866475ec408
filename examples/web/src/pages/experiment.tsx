/* One experiment: candidates side by side with intervals, the verdict and what decided it, its runs. */
import { Link, useParams } from "react-router";
import { $api, type Schemas } from "../api/client";
import { bytes, money, percent } from "../lib/format";
import { Card, Status } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

type Candidate = Schemas["CandidateResult"];
type Comparison = Schemas["ExperimentComparison"];

const verdicts: Record<string, string> = {
  A_BETTER: "The first is better",
  B_BETTER: "The second is better",
  NEUTRAL: "No difference that matters",
  INCONCLUSIVE: "Not decided: too little was measured",
  PENDING: "Not decided yet: runs are missing",
};

/* A value with its 95 % interval, drawn on a scale that all candidates share. */
function IntervalCell({ measure, most }: { measure: Candidate["quality"][string] | undefined; most: number }) {
  if (measure === undefined || measure.value === null) return <span className="text-soft">–</span>;
  const at = (value: number) => `${(100 * value) / most}%`;
  const low = measure.low ?? measure.value;
  const high = measure.high ?? measure.value;
  return (
    <div className="min-w-40">
      <span className="font-medium">{percent(measure.value)}</span>{" "}
      <span className="text-sm text-soft">
        ({percent(low)} to {percent(high)})
      </span>
      <div className="relative mt-1 h-2 rounded bg-page" aria-hidden>
        <span
          className="absolute h-full rounded bg-busy/40"
          style={{ left: at(low), right: `calc(100% - ${at(high)})` }}
        />
        <span className="absolute h-full w-0.5 bg-busy" style={{ left: at(measure.value) }} />
      </div>
    </div>
  );
}

function Candidates({ comparison }: { comparison: Comparison }) {
  const names = [...new Set(comparison.candidates.flatMap((candidate) => Object.keys(candidate.quality)))];
  const most = (name: string) =>
    Math.max(0.01, ...comparison.candidates.map((c) => c.quality[name]?.high ?? c.quality[name]?.value ?? 0));
  const rows: [string, (candidate: Candidate) => React.ReactNode][] = [
    ...names.map((name): [string, (candidate: Candidate) => React.ReactNode] => [
      name.toUpperCase(),
      (candidate) => <IntervalCell measure={candidate.quality[name]} most={most(name)} />,
    ]),
    ["Runs", (c) => `${c.completed} completed, ${c.failed} failed, ${c.open} open`],
    ["Real-time factor", (c) => c.real_time_factor?.toFixed(4) ?? "–"],
    [
      "CPU per hour of audio",
      (c) => (c.cpu_seconds_per_audio_hour == null ? "–" : `${c.cpu_seconds_per_audio_hour.toFixed(0)} s`),
    ],
    ["Peak memory", (c) => bytes(c.peak_memory_bytes)],
    ["Cost", (c) => money(c.cost_micros, c.currency ?? "USD")],
  ];
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Candidates side by side">
      <table className="w-full text-left">
        <thead>
          <tr>
            <th scope="col" className="pr-4 pb-1 text-sm font-medium text-soft">
              Measure
            </th>
            {comparison.candidates.map((candidate) => (
              <th key={candidate.name} scope="col" className="pr-4 pb-1">
                {candidate.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, cell]) => (
            <tr key={name} className="border-t border-line align-top">
              <th scope="row" className="py-1.5 pr-4 font-normal text-soft">
                {name}
              </th>
              {comparison.candidates.map((candidate) => (
                <td key={candidate.name} className="py-1.5 pr-4">
                  {cell(candidate)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Runs({ runs }: { runs: Schemas["ExperimentStatus"]["runs"] }) {
  if (runs.length === 0) return <Empty title="No run yet." />;
  return (
    <ul className="max-h-96 overflow-y-auto" tabIndex={0} aria-label="Runs of the experiment">
      {runs.map((run) => (
        <li
          key={`${run.input} ${run.candidate} ${run.repetition}`}
          className="flex flex-wrap gap-x-4 border-t border-line py-1.5 first:border-t-0"
        >
          <span className="min-w-40 flex-1">
            {run.input}, {run.candidate}
            {run.repetition > 0 && `, ${run.repetition}`}
          </span>
          <Status value={run.status ?? "PENDING"} />
          {run.run_id !== null && (
            <Link className="font-mono text-sm text-accent hover:underline" to={`/runs/${run.run_id}`}>
              {run.run_id}
            </Link>
          )}
        </li>
      ))}
    </ul>
  );
}

export function Component() {
  const { id = "" } = useParams();
  const path = { params: { path: { id } } };
  const status = $api.useQuery("get", "/api/v1/experiments/{id}/status", path, { refetchInterval: 5_000 });
  const comparison = $api.useQuery("get", "/api/v1/experiments/{id}/compare", path, { refetchInterval: 10_000 });
  if (status.isPending) return <Loading what="the experiment" />;
  if (status.isError) return <Failure error={status.error} again={() => void status.refetch()} />;
  return (
    <>
      <h1 className="text-xl font-semibold">{status.data.name}</h1>
      {comparison.isError && <Failure error={comparison.error} again={() => void comparison.refetch()} />}
      {comparison.data?.verdicts.map(({ a, b, decision }) => (
        <Card key={a + b} title={`${a} against ${b}`}>
          <p className="text-lg font-medium">{verdicts[decision.verdict] ?? decision.verdict}</p>
          <p className="text-soft">
            <code>{decision.verdict}</code>
            {decision.decided_by !== null && ` by ${decision.decided_by}`}: {decision.reason}
          </p>
        </Card>
      ))}
      {comparison.data && (
        <Card title="Candidates">
          <Candidates comparison={comparison.data} />
        </Card>
      )}
      <Card title="Runs">
        <Runs runs={status.data.runs} />
      </Card>
    </>
  );
}
