/* Sending a file with progress: fetch cannot tell how much has gone, XMLHttpRequest can. */
import { ApiError, keyHeaders, type Schemas } from "../api/client";

export type Upload = Schemas["Upload"];

export function sendFile(
  file: Blob,
  name: string,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/uploads?name=${encodeURIComponent(name)}`);
    for (const [header, value] of Object.entries(keyHeaders())) request.setRequestHeader(header, value);
    request.setRequestHeader("Content-Type", file.type.startsWith("audio/") ? file.type : "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.total > 0 ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Error("The connection broke while the file was sent."));
    request.onabort = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    request.onload = () => {
      const id = request.getResponseHeader("X-Request-Id") ?? "";
      try {
        const body = JSON.parse(request.responseText) as Upload & Partial<Schemas["Problem"]>;
        if (request.status === 201) resolve(body);
        else
          reject(
            new ApiError(
              request.status,
              id,
              body.detail ?? body.title ?? `Status ${request.status}`,
              body.errors ?? [],
            ),
          );
      } catch (error) {
        reject(error instanceof SyntaxError ? new ApiError(request.status, id, `Status ${request.status}`) : error);
      }
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
