/* Sending a file with progress: fetch cannot tell how much has gone, XMLHttpRequest can. */
import { ApiError, keyHeaders, type Schemas } from "../api/client";
import { askForKey } from "../api/key";

export type Upload = Schemas["Upload"];

/* The name under which the page of a new run keeps its upload. */
export const uploadName = "new.upload";

/* The server wants none of this file: sent again it would be refused again. Every other refusal passes. */
export function isFinal(error: unknown): boolean {
  return error instanceof ApiError && [413, 415, 422].includes(error.status);
}

export function sendFile(
  file: Blob,
  name: string,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Upload> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/uploads?name=${encodeURIComponent(name)}`);
    for (const [header, value] of Object.entries(keyHeaders())) request.setRequestHeader(header, value);
    request.setRequestHeader("Content-Type", file.type.startsWith("audio/") ? file.type : "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.total > 0 ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Error("The connection broke while the file was sent."));
    request.onabort = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    const refuse = (error: ApiError) => {
      if (error.status === 401) askForKey(error.message);
      reject(error);
    };
    request.onload = () => {
      const id = request.getResponseHeader("X-Request-Id") ?? "";
      try {
        const body = JSON.parse(request.responseText) as Upload & Partial<Schemas["Problem"]>;
        if (request.status === 201) resolve(body);
        else
          refuse(
            new ApiError(
              request.status,
              id,
              body.detail ?? body.title ?? `Status ${request.status}`,
              body.errors ?? [],
            ),
          );
      } catch (error) {
        if (error instanceof SyntaxError) refuse(new ApiError(request.status, id, `Status ${request.status}`));
        else reject(error);
      }
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
