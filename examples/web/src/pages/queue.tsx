/* The queue: who waits, why, at which place and until when; priority, holding and releasing. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { $api, api } from "../api/client";
import { duration, moment } from "../lib/format";
import { useAction } from "../runs/actions";
import { priorityName, runTitle, type RunSummary } from "../runs/labels";
import { useLiveRuns } from "../runs/live_list";
import { Button, Card, inputLook } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

const explain = (run: RunSummary) =>
  $api.queryOptions(
    "get",
    "/api/v1/runs/{id}/explain",
    { params: { path: { id: run.run_id } } },
    { refetchInterval: 10_000 },
  );

function Place({ run }: { run: RunSummary }) {
  const path = { params: { path: { id: run.run_id } } };
  const place = useQuery(explain(run));
  const { busy, problem, act } = useAction();
  const name = runTitle(run);
  return (
    <li className="space-y-2 border-t border-line py-3 first:border-t-0">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <span className="w-10 text-2xl font-semibold text-soft">{place.data?.position ?? "–"}</span>
        <div className="min-w-48 flex-1">
          <Link className="font-medium text-accent hover:underline" to={`/runs/${run.run_id}`}>
            {name}
          </Link>
          <p className="text-sm text-soft">{place.data?.wait.message ?? "…"}</p>
        </div>
        <p className="text-sm">
          {place.data?.start_at ? `starts about ${moment(place.data.start_at)}` : "no start can be told"}
          <span className="block text-soft">takes about {duration((place.data?.expected_ms ?? -1000) / 1000)}</span>
        </p>
        <select
          className={`${inputLook} max-w-52`}
          aria-label={`Priority of ${name}`}
          value=""
          disabled={busy}
          onChange={(event) => {
            const priority = event.target.value as "low" | "normal" | "high" | "urgent" | "head";
            void act(() => api.PUT("/api/v1/runs/{id}/priority", { ...path, body: { priority } }));
          }}
        >
          <option value="">Priority: {priorityName(run.priority)}</option>
          <option value="low">Low</option>
          <option value="normal">Normal</option>
          <option value="high">High</option>
          <option value="urgent">Urgent</option>
          <option value="head">Before all others</option>
        </select>
        {run.held ? (
          <Button disabled={busy} onClick={() => void act(() => api.POST("/api/v1/runs/{id}/release", path))}>
            Release
          </Button>
        ) : (
          <Button disabled={busy} onClick={() => void act(() => api.POST("/api/v1/runs/{id}/hold", path))}>
            Hold
          </Button>
        )}
        <Button danger disabled={busy} onClick={() => void act(() => api.POST("/api/v1/runs/{id}/cancel", path))}>
          Cancel
        </Button>
      </div>
      {problem !== null && <Failure error={problem} />}
    </li>
  );
}

export function Component() {
  const live = useLiveRuns();
  const query = { params: { query: { status: ["QUEUED" as const], sort: "priority" as const, limit: 50 } } };
  const runs = $api.useQuery("get", "/api/v1/runs", query, { refetchInterval: live ? 15_000 : 5_000 });
  const waiting = runs.data?.items ?? [];
  const places = useQueries({ queries: waiting.map(explain) });
  const position = (index: number) => places[index]?.data?.position ?? Infinity;
  const order = waiting.map((_, index) => index).sort((a, b) => position(a) - position(b) || a - b);
  return (
    <>
      <h1 className="sr-only">Queue</h1>
      <Card title="Runs that wait">
        {runs.isPending ? (
          <Loading what="the queue" />
        ) : runs.isError ? (
          <Failure error={runs.error} again={() => void runs.refetch()} />
        ) : waiting.length === 0 ? (
          <Empty title="Nothing waits.">A run that is submitted now starts at once.</Empty>
        ) : (
          <ol>{order.map((index) => waiting[index] && <Place key={waiting[index].run_id} run={waiting[index]} />)}</ol>
        )}
        {runs.data?.next_cursor && <p className="mt-2 text-soft">More runs wait than are shown.</p>}
      </Card>
    </>
  );
}
