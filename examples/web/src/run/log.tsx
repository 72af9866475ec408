/* The log of a run, by level and request id. */
import { useState } from "react";
import { $api } from "../api/client";
import { Button, inputLook } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

const levels = ["debug", "info", "warn", "error"] as const;

export function Log({ id, requestId }: { id: string; requestId: string | null }) {
  const [level, setLevel] = useState<(typeof levels)[number]>("info");
  const [only, setOnly] = useState(false);
  const query = { level, limit: 200, ...(only && requestId !== null && { request_id: requestId }) };
  const log = $api.useQuery("get", "/api/v1/runs/{id}/log", { params: { path: { id }, query } });
  return (
    <>
      <div className="mb-2 flex flex-wrap items-center gap-3">
        <select
          className={`${inputLook} w-auto`}
          aria-label="Least level"
          value={level}
          onChange={(event) => setLevel(event.target.value as typeof level)}
        >
          {levels.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        {requestId !== null && (
          <label className="flex items-center gap-2 text-sm">
            <input type="checkbox" checked={only} onChange={(event) => setOnly(event.target.checked)} />
            only of request <code>{requestId}</code>
          </label>
        )}
        <Button small onClick={() => void log.refetch()}>
          Refresh
        </Button>
      </div>
      {log.isPending ? (
        <Loading what="the log" />
      ) : log.isError ? (
        <Failure error={log.error} again={() => void log.refetch()} />
      ) : log.data.items.length === 0 ? (
        <Empty title="No line of this level." />
      ) : (
        <ol className="max-h-80 overflow-auto font-mono text-xs" tabIndex={0} aria-label="Lines of the log">
          {log.data.items.map((line, i) => (
            <li key={i} className="py-0.5 whitespace-pre">
              <span className="text-soft">{JSON.stringify(line)}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}
