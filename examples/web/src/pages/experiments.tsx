/* Experiments: which there are, and how far each has come. */
import { Link } from "react-router";
import { $api, api, type Schemas } from "../api/client";
import { moment } from "../lib/format";
import { useAction } from "../runs/actions";
import { Button, Card, Meter } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

function Line({ experiment }: { experiment: Schemas["ExperimentSummary"] }) {
  const { busy, problem, act } = useAction();
  const path = { params: { path: { id: experiment.id } } };
  const done = experiment.completed + experiment.ended;
  return (
    <li className="space-y-2 border-t border-line py-3 first:border-t-0">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-48 flex-1">
          <Link className="font-medium text-accent hover:underline" to={`/experiments/${experiment.id}`}>
            {experiment.name}
          </Link>
          <p className="text-sm text-soft">
            {moment(experiment.created_at)} · <code>{experiment.id.slice(0, 12)}</code>
          </p>
        </div>
        <span className="w-40 text-sm">
          {experiment.status}: {done} of {experiment.cells} runs
          <Meter
            fraction={experiment.cells === 0 ? 0 : done / experiment.cells}
            label={`Progress of ${experiment.name}`}
          />
        </span>
        {experiment.status === "PENDING" && (
          <Button
            primary
            disabled={busy}
            onClick={() => void act(() => api.POST("/api/v1/experiments/{id}/start", path))}
          >
            Start
          </Button>
        )}
        {experiment.status === "RUNNING" && (
          <Button
            danger
            disabled={busy}
            onClick={() => void act(() => api.POST("/api/v1/experiments/{id}/cancel", path))}
          >
            Cancel
          </Button>
        )}
      </div>
      {problem !== null && <Failure error={problem} />}
    </li>
  );
}

export function Component() {
  const experiments = $api.useQuery("get", "/api/v1/experiments", {}, { refetchInterval: 5_000 });
  return (
    <>
      <h1 className="sr-only">Experiments</h1>
      <Card title="Experiments">
        {experiments.isPending ? (
          <Loading what="experiments" />
        ) : experiments.isError ? (
          <Failure error={experiments.error} again={() => void experiments.refetch()} />
        ) : experiments.data.items.length === 0 ? (
          <Empty title="No experiment yet.">
            Make one with <code>modellab experiment create FILE</code> or <code>POST /api/v1/experiments</code>.
          </Empty>
        ) : (
          <ul>
            {experiments.data.items.map((experiment) => (
              <Line key={experiment.id} experiment={experiment} />
            ))}
          </ul>
        )}
      </Card>
    </>
  );
}
