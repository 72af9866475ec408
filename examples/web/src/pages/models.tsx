/* Models: what can be had, what is installed; pulling one is a run like any other. */
import { Link } from "react-router";
import { $api, api, type Schemas } from "../api/client";
import { bytes } from "../lib/format";
import { useAction } from "../runs/actions";
import { Button, Card } from "../ui/controls";
import { Empty, Failure, Loading } from "../ui/state";

type Model = Schemas["Model"];

const tasks: Record<string, string> = {
  asr: "Speech recognition",
  tts: "Voices",
  vad: "Voice activity",
  speaker: "Speakers",
  lexicon: "Dictionaries",
  sample: "Samples",
};

function Line({ model }: { model: Model }) {
  const { busy, problem, act } = useAction();
  const path = { params: { path: { name: model.name } } };
  const pull = async () => {
    const { data } = await api.POST("/api/v1/models/{name}/pull", path);
    if (data !== undefined && "run_id" in data) location.hash = `#/runs/${data.run_id}`;
  };
  return (
    <li className="space-y-2 border-t border-line py-3 first:border-t-0">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-48 flex-1">
          <p className="font-medium">
            {model.name} {model.is_default && <span className="ml-1 text-sm text-accent">default</span>}
          </p>
          <p className="text-sm text-soft">
            {[model.title, model.languages, model.licence].filter((part) => part !== "").join(" · ")}
          </p>
        </div>
        <span className="text-sm text-soft">{bytes(model.bytes)}</span>
        <span className={`text-sm font-medium ${model.state === "installed" ? "text-good" : "text-warn"}`}>
          {model.state}
        </span>
        {model.state !== "installed" && (
          <Button primary disabled={busy} onClick={() => void act(pull)}>
            {model.state === "partial" ? "Go on pulling" : "Pull"}
          </Button>
        )}
      </div>
      {problem !== null && <Failure error={problem} />}
    </li>
  );
}

export function Component() {
  const models = $api.useQuery("get", "/api/v1/models", {});
  if (models.isPending) return <Loading what="models" />;
  if (models.isError) return <Failure error={models.error} again={() => void models.refetch()} />;
  const groups = new Map<string, Model[]>();
  for (const model of models.data.items) groups.set(model.task, [...(groups.get(model.task) ?? []), model]);
  return (
    <>
      <h1 className="sr-only">Models</h1>
      <p className="text-soft">
        A pull is a{" "}
        <Link className="underline" to="/runs?pipeline=models_pull">
          run
        </Link>
        : it can be watched, cancelled and gone on with.
      </p>
      {groups.size === 0 && <Empty title="The catalog is empty." />}
      {[...groups].map(([task, items]) => (
        <Card key={task} title={tasks[task] ?? task}>
          <ul>
            {items.map((model) => (
              <Line key={model.name} model={model} />
            ))}
          </ul>
        </Card>
      ))}
    </>
  );
}
