/* Two runs side by side: facts, options, measures, and the words that differ. */
import { Link, useSearchParams } from "react-router";
import { $api } from "../api/client";
import { Card } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

interface Difference {
  a?: string;
  b?: string;
  [name: string]: unknown;
}
interface TranscriptDiff {
  wer?: number | null;
  errors?: number;
  differences?: Difference[];
  difference_count?: number;
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function Table({
  rows,
  caption,
}: {
  rows: { name: string; a: unknown; b: unknown; more?: unknown }[];
  caption: string;
}) {
  if (rows.length === 0) return <Empty title={`No difference in ${caption}.`} />;
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={caption}>
      <table className="w-full text-left">
        <thead className="text-sm text-soft">
          <tr>
            {["Name", "A", "B", "Difference"].map((name, i) => (
              <th key={i} scope="col" className="pr-4 font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name} className="border-t border-line align-top">
              <th scope="row" className="py-1 pr-4 font-normal text-soft">
                {row.name}
              </th>
              <td className="max-w-80 py-1 pr-4 break-words">{show(row.a)}</td>
              <td className="max-w-80 py-1 pr-4 break-words">{show(row.b)}</td>
              <td className="py-1 text-sm text-soft">{row.more === undefined ? "" : show(row.more)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Words({ diff }: { diff: TranscriptDiff }) {
  const differences = diff.differences ?? [];
  return (
    <>
      <p className="mb-2">
        {diff.difference_count ?? differences.length} places differ
        {diff.wer != null && `; word error rate of B against A ${(100 * diff.wer).toFixed(2)} %`}
      </p>
      <ul className="max-h-96 space-y-1 overflow-y-auto" tabIndex={0} aria-label="Words that differ">
        {differences.map((difference, i) => (
          <li key={i} className="flex flex-wrap gap-x-3 border-t border-line py-1 first:border-t-0">
            <del className="text-bad">{difference.a || "(nothing)"}</del>
            <ins className="text-good">{difference.b || "(nothing)"}</ins>
          </li>
        ))}
      </ul>
    </>
  );
}

function Side({ a, b }: { a: string; b: string }) {
  const comparison = $api.useQuery("get", "/api/v1/runs/compare", { params: { query: { a, b } } });
  if (comparison.isPending) return <Loading what="the comparison" />;
  if (comparison.isError) return <Failure error={comparison.error} again={() => void comparison.refetch()} />;
  const { facts, config_diff, metrics, transcript } = comparison.data;
  return (
    <>
      <Card title="Words">
        {transcript === null ? (
          <Empty title="One of them has no transcript." />
        ) : (
          <Words diff={transcript as TranscriptDiff} />
        )}
      </Card>
      <Card title="Options that differ">
        <Table caption="options" rows={config_diff.map((d) => ({ name: d.pointer, a: d.a, b: d.b }))} />
      </Card>
      <Card title="Measures">
        <Table caption="measures" rows={metrics.map((m) => ({ name: m.name, a: m.a, b: m.b, more: m.diff }))} />
      </Card>
      <Card title="Facts">
        <Table
          caption="facts"
          rows={facts.map((f) => ({ name: f.name, a: f.a, b: f.b, more: f.same ? "same" : "differs" }))}
        />
      </Card>
    </>
  );
}

export function Component() {
  const [params] = useSearchParams();
  const a = params.get("a") ?? "";
  const b = params.get("b") ?? "";
  return (
    <>
      <h1 className="text-xl font-semibold">Two runs side by side</h1>
      <p>
        {[a, b].map((id, i) => (
          <span key={i} className="mr-4">
            {i === 0 ? "A" : "B"}:{" "}
            <Link className="font-mono text-accent hover:underline" to={`/runs/${id}`}>
              {id || "none"}
            </Link>
          </span>
        ))}
      </p>
      {a === "" || b === "" ? <Empty title="Two runs are needed." /> : <Side a={a} b={b} />}
    </>
  );
}
