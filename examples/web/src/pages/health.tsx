/* Health: every check in words, with its age; what the lab takes on disk. */
import { $api, fetchRaw, type Schemas } from "../api/client";
import { useQuery } from "@tanstack/react-query";
import { bytes } from "../lib/format";
import { Card, Facts } from "../ui/controls";
import { Failure, Loading } from "../ui/state";

type Health = Schemas["Health"];

const tones: Record<string, string> = {
  healthy: "text-good",
  ready: "text-good",
  initializing: "text-busy",
  degraded: "text-warn",
  critical: "text-bad",
};

/* A lab that is not well answers 503 with the same document: that is no failure to ask. */
async function deepHealth(): Promise<Health> {
  const reply = await fetchRaw("/api/v1/admin/health", {}, [503]);
  return (await reply.json()) as Health;
}

export function Component() {
  const health = useQuery({ queryKey: ["health"], queryFn: deepHealth, refetchInterval: 10_000 });
  const disk = $api.useQuery("get", "/api/v1/admin/disk", {}, { refetchInterval: 60_000 });
  return (
    <>
      <h1 className="sr-only">Health</h1>
      {health.isPending ? (
        <Loading what="the checks" />
      ) : health.isError ? (
        <Failure error={health.error} again={() => void health.refetch()} />
      ) : (
        <Card
          title={
            <span className={tones[health.data.state]}>
              The lab is {health.data.state}
              {health.data.ready ? "" : ", and takes no work"}
            </span>
          }
        >
          <ul>
            {health.data.checks.map((check) => (
              <li
                key={check.name}
                className="grid gap-x-4 border-t border-line py-2 first:border-t-0 md:grid-cols-[14rem_7rem_1fr_auto]"
              >
                <span className="font-medium">{check.name.replaceAll("_", " ")}</span>
                <span className={`font-medium ${tones[check.state] ?? ""}`}>{check.state}</span>
                <span className="text-soft">{check.message}</span>
                <span className="text-sm text-soft">
                  {check.late ? "no answer in time" : `${Math.round(check.milliseconds)} ms`}
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {disk.isError ? (
        <Failure error={disk.error} />
      ) : (
        disk.data !== undefined && (
          <Card title="Disk">
            <Facts
              items={Object.entries(disk.data)
                .filter(([name, value]) => name.endsWith("_bytes") && typeof value === "number" && value >= 0)
                .map(([name, value]) => [name.replace(/_bytes$/, "").replaceAll("_", " "), bytes(Number(value))])}
            />
          </Card>
        )
      )}
    </>
  );
}
