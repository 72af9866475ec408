/* Metrics: what the lab and its server count, as it moves while the page is open. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { fetchRaw } from "../api/client";
import { bytes } from "../lib/format";
import { parseMetrics, total, type Sample } from "../lib/prometheus";
import { Card, inputLook } from "../ui/controls";
import { Chart, type Series } from "../ui/chart";
import { Failure, Loading } from "../ui/state";

interface Look {
  time: number;
  samples: Sample[];
  help: Map<string, string>;
}

const kept: Look[] = [];

/* Looks of this page's life, the last 20 minutes of them. */
async function look(): Promise<Look[]> {
  const text = await (await fetchRaw("/metrics", { headers: { Accept: "text/plain" } })).text();
  kept.push({ time: Date.now() / 1000, ...parseMetrics(text) });
  if (kept.length > 240) kept.splice(0, kept.length - 240);
  return [...kept];
}

function series(looks: Look[], wanted: [string, string, Record<string, string>?][]): Series[] {
  return wanted.map(([label, name, labels]) => ({
    label,
    values: looks.map((one) => total(one.samples, name, labels)),
  }));
}

/* How much a counter grew in a second, between looks. */
function rates(looks: Look[], wanted: [string, string, Record<string, string>?][]): Series[] {
  return series(looks, wanted).map(({ label, values }) => ({
    label,
    values: values.map((value, i) => {
      const before = values[i - 1];
      const seconds = (looks[i]?.time ?? 0) - (looks[i - 1]?.time ?? 0);
      // A counter that fell began anew: the server was started again.
      return i === 0 || value == null || before == null || value < before ? null : (value - before) / seconds;
    }),
  }));
}

function All({ newest }: { newest: Look }) {
  const [find, setFind] = useState("");
  const rows = newest.samples.filter((sample) => !sample.name.endsWith("_bucket") && sample.name.includes(find));
  return (
    <>
      <input
        type="search"
        className={`${inputLook} mb-2`}
        aria-label="Find a metric"
        placeholder="Find a metric"
        value={find}
        onChange={(event) => setFind(event.target.value.trim())}
      />
      <ul className="max-h-96 overflow-auto font-mono text-xs" tabIndex={0} aria-label="All metrics">
        {rows.map((sample) => {
          const labels = Object.entries(sample.labels).map(([name, value]) => `${name}="${value}"`);
          const text = sample.name + (labels.length > 0 ? `{${labels.join(",")}}` : "");
          return (
            <li
              key={text}
              className="flex justify-between gap-4 border-t border-line py-0.5"
              title={newest.help.get(sample.name)}
            >
              <span className="min-w-0 break-all">{text}</span>
              <span>{sample.value}</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}

export function Component() {
  const looks = useQuery({ queryKey: ["metrics"], queryFn: look, refetchInterval: 5_000 });
  const data = looks.data;
  const times = useMemo(() => (data ?? []).map((one) => one.time), [data]);
  const charts = useMemo(() => {
    const all = data ?? [];
    return {
      runs: series(all, [
        ["waiting", "modellab_queue_depth"],
        ["open", "modellab_runs_open"],
      ]),
      ends: rates(all, [["runs ended a second", "modellab_run_ends_total"]]),
      http: rates(all, [["requests a second", "modellab_http_requests_total"]]),
      cpu: rates(all, [["CPU cores of the server", "modellab_process_cpu_seconds_total"]]),
      memory: series(all, [["resident memory", "modellab_process_resident_memory_bytes"]]),
    };
  }, [data]);
  if (looks.isPending) return <Loading what="metrics" />;
  const newest = data?.at(-1);
  if (looks.isError && newest === undefined) return <Failure error={looks.error} again={() => void looks.refetch()} />;
  const round = (value: number) => value.toFixed(2);
  return (
    <>
      <h1 className="sr-only">Metrics</h1>
      <p className="text-soft">Looked at each 5 seconds while this page is open; nothing older is kept.</p>
      <div className="grid gap-4 lg:grid-cols-2">
        <Card title="Runs">
          <Chart label="Runs" times={times} series={charts.runs} />
        </Card>
        <Card title="Ends of runs">
          <Chart label="Ends of runs" times={times} series={charts.ends} unit={round} />
        </Card>
        <Card title="Requests">
          <Chart label="Requests" times={times} series={charts.http} unit={round} />
        </Card>
        <Card title="Memory of the server">
          <Chart label="Memory" times={times} series={charts.memory} unit={bytes} />
        </Card>
        <Card title="CPU of the server">
          <Chart label="CPU" times={times} series={charts.cpu} unit={round} />
        </Card>
      </div>
      {newest !== undefined && (
        <Card title="All of them">
          <All newest={newest} />
        </Card>
      )}
    </>
  );
}
