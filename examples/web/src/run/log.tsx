/* Lines of the log as a table: of a run, or of all runs of a request; by level, text and request, with the fields on a click. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { useSearchParams } from "react-router";
import { api, type Schemas } from "../api/client";
import { Copy } from "../ui/copy";
import { Button, inputLook } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

type Line = Schemas["LogLine"] & Record<string, unknown>;
const levels = ["debug", "info", "warn", "error"] as const;
type Level = (typeof levels)[number];

const tones: Record<string, string> = { warn: "text-warn", error: "text-bad", fatal: "text-bad", debug: "text-soft" };
/* These have columns of their own, or say the same in every line of a run. */
const shown = new Set(["ts", "level", "event", "msg", "run_id", "trace_id", "span_id", "sev"]);

/* An event is named component.what: `step.started`. */
function componentOf(line: Line): string {
  return (line.event ?? "").split(".")[0] ?? "";
}

function whatOf(line: Line): string {
  return (line.event ?? "").split(".").slice(1).join(".").replaceAll("_", " ");
}

function Fields({ line }: { line: Line }) {
  const fields = Object.entries(line).filter(([name]) => !shown.has(name));
  return (
    <div className="space-y-2 rounded-md bg-page p-3">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 font-mono text-xs">
        {[...fields, ...Object.entries(line).filter(([name]) => ["run_id", "trace_id", "span_id"].includes(name))].map(
          ([name, value]) => (
            <Fragment key={name}>
              <dt className="text-soft">{name}</dt>
              <dd className="min-w-0 break-all">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
            </Fragment>
          ),
        )}
      </dl>
      <Copy label="Copy this line" text={JSON.stringify(line)} />
    </div>
  );
}

function Table({ lines }: { lines: Line[] }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const turn = (i: number) => {
    const next = new Set(open);
    if (!next.delete(i)) next.add(i);
    setOpen(next);
  };
  return (
    <table className="w-full text-left text-sm">
      <thead className="sticky top-0 bg-card text-soft">
        <tr>
          {["Time", "Level", "Component", "Message"].map((name) => (
            <th
              key={name}
              scope="col"
              className={`pr-3 pb-1 font-medium ${name === "Component" ? "hidden sm:table-cell" : ""}`}
            >
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {lines.map((line, i) => (
          <Fragment key={i}>
            <tr className="cursor-pointer border-t border-line align-top hover:bg-page" onClick={() => turn(i)}>
              <td className="py-1 pr-3 font-mono text-xs whitespace-nowrap">
                <time dateTime={line.ts} title={line.ts}>
                  {line.ts?.slice(11, 23)}
                </time>
              </td>
              <td className={`py-1 pr-3 font-medium ${tones[line.level ?? ""] ?? "text-busy"}`}>{line.level}</td>
              <td className="hidden py-1 pr-3 sm:table-cell">{componentOf(line)}</td>
              <td className="w-full py-1">
                <button
                  type="button"
                  aria-expanded={open.has(i)}
                  className="w-full text-left break-words"
                  onClick={(event) => {
                    event.stopPropagation();
                    turn(i);
                  }}
                >
                  <span aria-hidden className="mr-1 inline-block w-3 text-soft">
                    {open.has(i) ? "▾" : "▸"}
                  </span>
                  <span className="font-medium">{whatOf(line)}</span> {line.msg}
                </button>
              </td>
            </tr>
            {open.has(i) && (
              <tr>
                <td colSpan={4} className="pb-2">
                  <Fields line={line} />
                </td>
              </tr>
            )}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

interface Props {
  /* A run, or null for all runs of the request. */
  id: string | null;
  requestId: string | null;
}

export function Log({ id, requestId }: Props) {
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
  const level = (levels as readonly string[]).includes(params.get("level") ?? "")
    ? (params.get("level") as Level)
    : "info";
  const find = params.get("find") ?? "";
  const request = id === null ? (requestId ?? "") : (params.get("request_id") ?? "");
  const raw = params.get("raw") !== null;
  const log = useInfiniteQuery({
    queryKey: ["log", id, request, level],
    initialPageParam: "",
    enabled: id !== null || request !== "",
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        level,
        limit: 500,
        ...(request !== "" && { request_id: request }),
        ...(pageParam !== "" && { after: pageParam }),
      };
      const { data } =
        id === null
          ? await api.GET("/api/v1/logs", { params: { query: { ...query, request_id: request } }, signal })
          : await api.GET("/api/v1/runs/{id}/log", { params: { path: { id }, query }, signal });
      if (data === undefined) throw new Error("The reply holds no lines.");
      return data;
    },
    getNextPageParam: (page) => (page.more ? page.next_cursor : undefined),
  });
  const all = (log.data?.pages.flatMap((page) => page.items) ?? []) as Line[];
  const damaged = log.data?.pages.reduce((sum, page) => sum + page.damaged, 0) ?? 0;
  const wanted = find.toLocaleLowerCase();
  const lines = wanted === "" ? all : all.filter((one) => JSON.stringify(one).toLocaleLowerCase().includes(wanted));
  const asText = () => lines.map((line) => JSON.stringify(line)).join("\n");
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <select
          className={`${inputLook} w-auto!`}
          aria-label="Least level"
          value={level}
          onChange={(event) => set("level", event.target.value === "info" ? "" : event.target.value)}
        >
          {levels.map((name) => (
            <option key={name} value={name}>
              {name === "error" ? "errors" : `${name} and above`}
            </option>
          ))}
        </select>
        <input
          type="search"
          className={`${inputLook} w-48! grow`}
          aria-label="Find in the log"
          placeholder="Find in the log"
          value={find}
          onChange={(event) => set("find", event.target.value)}
        />
        {id !== null && (
          <input
            type="search"
            className={`${inputLook} w-72! grow font-mono text-sm`}
            aria-label="Request id"
            placeholder="Request id"
            list="requests"
            value={request}
            onChange={(event) => set("request_id", event.target.value.trim())}
          />
        )}
        {requestId !== null && (
          <datalist id="requests">
            <option value={requestId}>the request that made this run</option>
          </datalist>
        )}
        <label className="flex items-center gap-1.5 text-sm">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={raw}
            onChange={(event) => set("raw", event.target.checked ? "1" : "")}
          />
          Raw
        </label>
        <Copy label="Copy lines" text={asText} />
        <Button small onClick={() => void log.refetch()}>
          Refresh
        </Button>
      </div>
      {log.isPending && log.fetchStatus !== "idle" ? (
        <Loading what="the log" />
      ) : log.isError ? (
        <Failure error={log.error} again={() => void log.refetch()} />
      ) : lines.length === 0 ? (
        <Empty title={all.length === 0 ? "No line of this level." : `None of ${all.length} lines has this text.`} />
      ) : (
        <>
          <p role="status" className="mb-1 text-sm text-soft">
            {lines.length === all.length ? `${all.length} lines` : `${lines.length} of ${all.length} lines`}
            {log.hasNextPage && ", more follow"}
            {damaged > 0 && `; ${damaged} damaged lines were left out`}
          </p>
          <div className="max-h-[70vh] overflow-auto" tabIndex={0} role="region" aria-label="Lines of the log">
            {raw ? (
              <pre className="font-mono text-xs break-all whitespace-pre-wrap">{asText()}</pre>
            ) : (
              <Table key={`${level} ${request} ${find}`} lines={lines} />
            )}
          </div>
        </>
      )}
      {log.hasNextPage && (
        <div className="mt-3 text-center">
          <Button disabled={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
            Later lines
          </Button>
        </div>
      )}
    </>
  );
}
