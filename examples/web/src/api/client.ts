/* The typed client of the contract: key, request ids, problems as errors. */
import createClient, { type Middleware } from "openapi-fetch";
import createHooks from "openapi-react-query";
import { lostServer } from "../lib/online";
import { askForKey, getKey } from "./key";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

export function keyHeaders(): Record<string, string> {
  const key = getKey();
  return key === "" ? {} : { Authorization: `Bearer ${key}` };
}

/* What the server refused or could not do. `requestId` finds it in the server's log. */
export class ApiError extends Error {
  readonly status: number;
  readonly requestId: string;
  readonly errors: { detail: string; pointer: string }[];

  constructor(status: number, requestId: string, detail: string, errors: { detail: string; pointer: string }[] = []) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.requestId = requestId;
    this.errors = errors;
  }
}

/* The problem in a reply that is none of success. */
export async function problemOf(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("X-Request-Id") ?? "";
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as {
      title?: string;
      detail?: string;
      errors?: { detail: string; pointer: string }[];
    };
    return new ApiError(
      response.status,
      requestId,
      problem.detail ?? problem.title ?? `Status ${response.status}`,
      problem.errors,
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return new ApiError(response.status, requestId, `The server answered with status ${response.status}.`);
  }
}

const ids: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(keyHeaders())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok && response.status !== 304) throw await refused(response);
    return response;
  },
};

/* `fetch`, looked up at each call so that tests can replace it; that nothing answered is told to whoever watches the connection. */
async function reach(input: RequestInfo, init?: RequestInit): Promise<Response> {
  try {
    return await globalThis.fetch(input, init);
  } catch (error) {
    if (error instanceof TypeError) lostServer();
    throw error;
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: (request) => reach(request) });
api.use(ids);
export const $api = createHooks(api);

async function refused(response: Response): Promise<ApiError> {
  const problem = await problemOf(response);
  if (problem.status === 401) askForKey(problem.message);
  return problem;
}

/* A reply that is no JSON, or one whose status may be one of `also` beside success. */
export async function fetchRaw(path: string, init: RequestInit = {}, also: number[] = []): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(keyHeaders())) headers.set(name, value);
  const response = await reach(path, { ...init, headers });
  if (!response.ok && !also.includes(response.status)) throw await refused(response);
  return response;
}

/* Saves a reply as a file. The key goes in a header, so a plain link would not do. */
export async function download(path: string, name: string): Promise<void> {
  const blob = await (await fetchRaw(path)).blob();
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
