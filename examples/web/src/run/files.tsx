/* What can be taken away: the transcript in every format, artifacts, the whole run as a bundle. */
import { useState } from "react";
import { download, type Schemas } from "../api/client";
import { bytes } from "../lib/format";
import { Button } from "../ui/controls";
import { Failure } from "../ui/state";

const formats = ["txt", "srt", "vtt", "json", "verbose_json", "diarized_json", "tsv", "ctm", "textgrid"] as const;

function endingOf(format: string): string {
  return format.endsWith("json") ? "json" : format === "textgrid" ? "TextGrid" : format;
}

interface Props {
  id: string;
  artifacts: Schemas["Artifact"][];
  hasTranscript: boolean;
  ended: boolean;
}

export function Files({ id, artifacts, hasTranscript, ended }: Props) {
  const [problem, setProblem] = useState<unknown>(null);
  const get = (path: string, name: string) => {
    setProblem(null);
    download(path, name).catch(setProblem);
  };
  return (
    <div className="space-y-3">
      {hasTranscript && (
        <div className="flex flex-wrap items-center gap-2">
          <span className="text-soft">Transcript as</span>
          {formats.map((format) => (
            <Button
              key={format}
              small
              onClick={() => get(`/api/v1/runs/${id}/transcript?format=${format}`, `${id}.${endingOf(format)}`)}
            >
              {format}
            </Button>
          ))}
        </div>
      )}
      <ul>
        {artifacts.map((artifact) => (
          <li
            key={artifact.id}
            className="flex flex-wrap items-center gap-x-3 border-t border-line py-1.5 first:border-t-0"
          >
            <span className="min-w-40 flex-1 font-medium">{artifact.filename}</span>
            <span className="text-sm text-soft">
              {artifact.produced_by}, {bytes(artifact.size_bytes)}
              {artifact.role !== "result" && `, ${artifact.role}`}
            </span>
            <Button small onClick={() => get(`/api/v1/runs/${id}/artifacts/${artifact.id}`, artifact.filename)}>
              Save<span className="sr-only"> {artifact.filename}</span>
            </Button>
          </li>
        ))}
      </ul>
      {artifacts.length === 0 && <p className="text-soft">No files yet.</p>}
      {ended && <Button onClick={() => get(`/api/v1/runs/${id}/bundle.zip`, `${id}.zip`)}>Save all as a bundle</Button>}
      {problem !== null && <Failure error={problem} />}
    </div>
  );
}
