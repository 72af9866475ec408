/* What is typed on the page of a new run, and the request that it makes. */
import type { Schemas } from "../api/client";

export type Submission = Schemas["RunSubmission"];

export interface Draft {
  pipeline: string;
  priority: "low" | "normal" | "high" | "urgent";
  language: string;
  model: string;
  minutes: string;
  labels: string;
  more: string;
  hold: boolean;
}

export const untouched: Draft = {
  pipeline: "full_meeting",
  priority: "normal",
  language: "",
  model: "",
  minutes: "",
  labels: "",
  more: "",
  hold: false,
};

/* Labels as people write them: name=value, separated by commas or on lines of their own. */
export function labelsOf(text: string): Record<string, string> | string {
  const labels: Record<string, string> = {};
  for (const part of text.split(/[,\n]/)) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim();
    if (at < 0 || name === "") return `A label is written as name=value; "${part.trim()}" is not.`;
    labels[name] = part.slice(at + 1).trim();
  }
  return labels;
}

/* Steps' options in the text, {} for none, or what is wrong with it. */
export function optionsOf(text: string): Record<string, Record<string, unknown>> | string {
  if (text.trim() === "") return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
      return 'Options are a JSON object, such as {"asr": {"beam_size": 5}}.';
    return parsed as Record<string, Record<string, unknown>>;
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/* A place in the draft by a JSON pointer of the request, and what is wrong there. */
export interface Wrong {
  pointer: string;
  text: string;
}

/* The request that a draft makes, or why there is none. */
export function requestOf(draft: Draft, uploadId: string | null): Submission | Wrong {
  const options = optionsOf(draft.more);
  if (typeof options === "string") return { pointer: "/config", text: options };
  const asr = {
    ...options["asr"],
    ...(draft.language !== "" && { language: draft.language }),
    ...(draft.model !== "" && { model: draft.model }),
  };
  const config = { ...options, ...(Object.keys(asr).length > 0 && { asr }) };
  const minutes = draft.minutes === "" ? null : Number(draft.minutes);
  if (minutes !== null && !(minutes > 0))
    return { pointer: "/max_duration_seconds", text: "The longest time is a number of minutes above 0." };
  const labels = labelsOf(draft.labels);
  if (typeof labels === "string") return { pointer: "/labels", text: labels };
  return {
    pipeline: draft.pipeline,
    priority: draft.priority,
    ...(Object.keys(config).length > 0 && { config: config as Submission["config"] }),
    ...(minutes !== null && { max_duration_seconds: minutes * 60 }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(draft.hold && { hold: true }),
    ...(uploadId !== null && { upload_id: uploadId }),
  };
}

export function isWrong(request: Submission | Wrong): request is Wrong {
  return "pointer" in request;
}

/* The field of the page that a pointer of the request means. */
export function fieldOf(pointer: string, draft: Draft): keyof Draft | "upload" | null {
  if (pointer === "/config/asr/language" && draft.language !== "") return "language";
  if (pointer === "/config/asr/model" && draft.model !== "") return "model";
  const fields: [string, keyof Draft | "upload"][] = [
    ["/config", "more"],
    ["/pipeline", "pipeline"],
    ["/steps", "pipeline"],
    ["/priority", "priority"],
    ["/max_duration_seconds", "minutes"],
    ["/labels", "labels"],
    ["/hold", "hold"],
    ["/upload_id", "upload"],
  ];
  return fields.find(([name]) => pointer === name || pointer.startsWith(`${name}/`))?.[1] ?? null;
}
