/* The steps of a run on one time line, with what each took. */
import type { Schemas } from "../api/client";
import { bytes, duration } from "../lib/format";
import { Status } from "../ui/controls";

type Step = Schemas["Step"];

export function Steps({ steps }: { steps: Step[] }) {
  const times = steps.flatMap((step) => [step.started_at, step.ended_at]).filter((t): t is string => !!t);
  const begin = Math.min(...times.map((t) => Date.parse(t)));
  const end = Math.max(begin + 1, ...times.map((t) => Date.parse(t)));
  if (steps.length === 0) return <p className="text-soft">No step has begun.</p>;
  return (
    <ol className="space-y-2">
      {steps.map((step) => {
        const from = step.started_at ? (100 * (Date.parse(step.started_at) - begin)) / (end - begin) : 0;
        const to = step.ended_at ? (100 * (Date.parse(step.ended_at) - begin)) / (end - begin) : 100;
        return (
          <li
            key={step.name}
            className="grid grid-cols-[8rem_1fr] items-center gap-x-3 md:grid-cols-[9rem_8rem_1fr_auto]"
          >
            <span className="truncate font-medium">{step.name}</span>
            <Status value={step.status} />
            <span className="relative col-span-2 h-2 rounded bg-page md:col-span-1" aria-hidden>
              {step.started_at && (
                <span
                  className="absolute h-full rounded bg-busy"
                  style={{ left: `${from}%`, width: `max(3px, ${to - from}%)` }}
                />
              )}
            </span>
            <span className="col-span-2 text-sm text-soft md:col-span-1 md:text-right">
              {step.reused_from ? "taken over" : duration((step.duration_ms ?? -1000) / 1000)}
              {step.cpu_seconds !== null && `, CPU ${duration(step.cpu_seconds)}`}
              {step.peak_memory_bytes !== null && `, ${bytes(step.peak_memory_bytes)}`}
            </span>
            {step.reason !== null && <span className="col-span-full text-sm text-bad">{step.reason.message}</span>}
          </li>
        );
      })}
    </ol>
  );
}
