/* The ledger of the input: which of its audio became text, and why the rest did not. */
import { useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";
import { clock, duration } from "../lib/format";

interface Part {
  start: number;
  end: number;
  label: string;
  reason?: string;
}
interface Ledger {
  milliseconds: Record<string, number>;
  parts: Part[];
}

const looks: Record<string, [string, string]> = {
  transcribed: ["Transcribed", "#0f766e"],
  non_speech: ["No speech", "#94a3b8"],
  dropped: ["Left out", "#d97706"],
  failed: ["Failed", "#dc2626"],
};

export function useCoverage(run: Schemas["Run"] | undefined, ended: boolean): Ledger | null {
  const id = run?.run_id ?? "";
  const results = useQuery({
    queryKey: ["results", id],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/runs/{id}/results", { params: { path: { id } }, signal })).data ?? null,
    enabled: ended && (run?.artifacts.some((one) => one.filename === "coverage.json") ?? false),
    staleTime: Infinity,
  });
  const ledger = results.data?.coverage as Ledger | null | undefined;
  return ledger?.parts === undefined ? null : ledger;
}

export function Coverage({ ledger, seek }: { ledger: Ledger; seek: (seconds: number) => void }) {
  const whole = ledger.milliseconds["duration"] ?? 0;
  const length = whole / 1000;
  const sums = Object.entries(looks).filter(([label]) => (ledger.milliseconds[label] ?? 0) > 0);
  if (length <= 0) return null;
  return (
    <div className="mt-3">
      <div className="flex items-center gap-2">
        <span className="w-24 shrink-0 text-sm text-soft">Coverage</span>
        <div className="relative h-3 flex-1 overflow-hidden rounded bg-page" aria-hidden>
          {ledger.parts.map((part) => (
            <span
              key={part.start}
              className="absolute h-full cursor-pointer"
              title={`${looks[part.label]?.[0] ?? part.label}, ${clock(part.start)} to ${clock(part.end)}${part.reason ? `: ${part.reason.replaceAll("_", " ")}` : ""}`}
              style={{
                left: `${(100 * part.start) / length}%`,
                width: `${(100 * (part.end - part.start)) / length}%`,
                background: looks[part.label]?.[1] ?? "var(--soft)",
              }}
              onClick={() => seek(part.start)}
            />
          ))}
        </div>
      </div>
      <ul className="mt-1 flex flex-wrap gap-x-4 text-sm text-soft ml-26" aria-label="Coverage">
        {sums.map(([label, [name, color]]) => (
          <li key={label} className="flex items-center gap-1.5">
            <span aria-hidden className="size-2.5 rounded-sm" style={{ background: color }} />
            {name} {duration((ledger.milliseconds[label] ?? 0) / 1000)} (
            {Math.round((100 * (ledger.milliseconds[label] ?? 0)) / whole)} %)
          </li>
        ))}
      </ul>
    </div>
  );
}
