/* All runs: a live table with filters, paging and cancelling of several at once. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { api } from "../api/client";
import { duration, moment, money } from "../lib/format";
import { isActive, priorityName, runTitle, statuses, type RunSummary } from "../runs/labels";
import { useLiveRuns } from "../runs/live_list";
import { Button, Card, Field, inputLook, Meter, Status } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

const filterNames = ["status", "pipeline", "user", "q", "sort"] as const;
const sorts: [string, string][] = [
  ["", "Newest first"],
  ["oldest", "Oldest first"],
  ["started", "Last started"],
  ["ended", "Last ended"],
  ["priority", "Priority"],
  ["duration", "Longest work"],
  ["cost", "Dearest"],
  ["audio", "Longest audio"],
];

function Filters() {
  const [params, change] = useSearchParams();
  const set = (name: string, value: string) =>
    change(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const text = (name: "pipeline" | "user" | "q", label: string, hint: string) => (
    <Field label={label}>
      <input
        className={inputLook}
        type="search"
        placeholder={hint}
        defaultValue={params.get(name) ?? ""}
        onChange={(event) => set(name, event.target.value.trim())}
      />
    </Field>
  );
  return (
    <div className="grid grid-cols-2 gap-3 md:grid-cols-5">
      <Field label="Status">
        <select
          className={inputLook}
          value={params.get("status") ?? ""}
          onChange={(event) => set("status", event.target.value)}
        >
          <option value="">Any</option>
          <option value="QUEUED,RUNNING">Active</option>
          {statuses.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </Field>
      {text("pipeline", "Pipeline", "full_meeting")}
      {text("user", "User", "ann")}
      {text("q", "Find", "id, name or label")}
      <Field label="Order">
        <select
          className={inputLook}
          value={params.get("sort") ?? ""}
          onChange={(event) => set("sort", event.target.value)}
        >
          {sorts.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </Field>
    </div>
  );
}

function ProgressCell({ run }: { run: RunSummary }) {
  if (run.status !== "RUNNING") return <span className="text-soft">{duration((run.duration_ms ?? -1000) / 1000)}</span>;
  const fraction = run.progress?.fraction ?? null;
  const eta = run.progress?.eta_seconds ?? null;
  return (
    <div>
      <Meter fraction={fraction ?? 0} label={`Progress of ${runTitle(run)}`} />
      <span className="text-sm whitespace-nowrap text-soft">
        {fraction === null ? "at work" : `${Math.round(fraction * 100)} %`}
        {eta !== null && `, ${duration(eta)} left`}
      </span>
    </div>
  );
}

interface RowProps {
  run: RunSummary;
  chosen: boolean;
  choose: (on: boolean) => void;
}

function Row({ run, chosen, choose }: RowProps) {
  return (
    <tr className="border-t border-line align-top hover:bg-page">
      <td className="py-2 pr-2">
        <input
          type="checkbox"
          className="size-4"
          aria-label={`Choose ${runTitle(run)}`}
          disabled={!isActive(run.status)}
          checked={chosen}
          onChange={(event) => choose(event.target.checked)}
        />
      </td>
      <td className="max-w-64 py-2 pr-4">
        <Link className="block truncate font-medium text-accent hover:underline" to={`/runs/${run.run_id}`}>
          {runTitle(run)}
        </Link>
        <span className="block truncate font-mono text-xs text-soft">{run.run_id}</span>
      </td>
      <td className="py-2 pr-4">
        <Status value={run.status} />
        {run.reason !== null && run.status !== "QUEUED" && (
          <span className="block text-sm text-soft" title={run.reason.name}>
            {run.reason.message}
          </span>
        )}
      </td>
      <td className="min-w-32 py-2 pr-4">
        <ProgressCell run={run} />
      </td>
      <td className="py-2 pr-4">{run.pipeline}</td>
      <td className="py-2 pr-4">{priorityName(run.priority)}</td>
      <td className="py-2 pr-4 whitespace-nowrap">
        {run.cost.micros !== null
          ? money(run.cost.micros, run.cost.currency)
          : run.cost.estimated_micros !== null && (
              <span className="text-soft">about {money(run.cost.estimated_micros, run.cost.currency)}</span>
            )}
      </td>
      <td className="py-2 whitespace-nowrap text-soft">{moment(run.requested_at)}</td>
    </tr>
  );
}

export function Component() {
  const [params] = useSearchParams();
  const filters = Object.fromEntries(filterNames.map((name) => [name, params.get(name)]).filter(([, v]) => v !== null));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [problem, setProblem] = useState<unknown>(null);
  const queries = useQueryClient();
  const live = useLiveRuns();
  const runs = useInfiniteQuery({
    queryKey: ["get", "/api/v1/runs", filters],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      const { status, ...rest } = filters as Record<string, string>;
      const query = {
        ...rest,
        ...(status !== undefined && { status: status.split(",") as RunSummary["status"][] }),
        ...(pageParam !== null && { cursor: pageParam }),
      };
      const { data } = await api.GET("/api/v1/runs", { params: { query }, signal });
      if (data === undefined) throw new Error("The reply holds no runs.");
      return data;
    },
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: live ? 30_000 : 5_000,
  });
  const items = runs.data?.pages.flatMap((page) => page.items) ?? [];
  const due = items.filter((run) => chosen.has(run.run_id) && isActive(run.status));

  const cancel = async () => {
    try {
      await api.POST("/api/v1/runs/cancel", { body: { ids: due.map((run) => run.run_id) } });
      setChosen(new Set());
      setProblem(null);
      await queries.invalidateQueries({ queryKey: ["get", "/api/v1/runs"] });
    } catch (error) {
      setProblem(error);
    }
  };

  return (
    <>
      <h1 className="sr-only">Runs</h1>
      <Card>
        <Filters />
      </Card>
      {problem !== null && <Failure error={problem} />}
      <Card
        title={
          <>
            Runs{" "}
            <span className="ml-2 text-sm font-normal text-soft" role="status">
              {live ? "live" : "looked at each 5 s"}
            </span>
          </>
        }
        actions={
          <Button danger disabled={due.length === 0} onClick={() => void cancel()}>
            Cancel {due.length > 0 ? due.length : ""} chosen
          </Button>
        }
      >
        {runs.isPending ? (
          <Loading what="runs" />
        ) : runs.isError && items.length === 0 ? (
          <Failure error={runs.error} again={() => void runs.refetch()} />
        ) : items.length === 0 ? (
          <Empty title="No runs here.">
            {Object.keys(filters).length > 0 ? (
              "No run matches these filters."
            ) : (
              <Link className="text-accent underline" to="/new">
                Start the first one
              </Link>
            )}
          </Empty>
        ) : (
          <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Table of runs">
            <table className="w-full text-left">
              <thead className="text-sm text-soft">
                <tr>
                  <th scope="col">
                    <span className="sr-only">Choose</span>
                  </th>
                  {["Run", "Status", "Progress", "Pipeline", "Priority", "Cost", "Requested"].map((name) => (
                    <th key={name} scope="col" className="pr-4 pb-1 font-medium">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {items.map((run) => (
                  <Row
                    key={run.run_id}
                    run={run}
                    chosen={chosen.has(run.run_id)}
                    choose={(on) => {
                      const next = new Set(chosen);
                      if (on) next.add(run.run_id);
                      else next.delete(run.run_id);
                      setChosen(next);
                    }}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {runs.hasNextPage && (
          <div className="mt-3 text-center">
            <Button disabled={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
              Older runs
            </Button>
          </div>
        )}
      </Card>
    </>
  );
}
