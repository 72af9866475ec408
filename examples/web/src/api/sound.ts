/* Where an audio element gets its sound from. Without a key: the path itself, in ranges. With one: the same, by a service
 * worker that adds the key (public/sound_worker.js). Where the browser has none (plain HTTP from another machine): whole,
 * with progress, up to a limit. */
import { fetchRaw } from "./client";
import { getKey } from "./key";

/* What is fetched whole stays in memory. */
const wholeMost = 256 << 20;

let worker: Promise<boolean> | null = null;

function answerKey(event: MessageEvent): void {
  if (event.data === "modellab.key") event.ports[0]?.postMessage(getKey());
}

// The worker of an earlier visit asks this page too, with a key or without one.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.addEventListener("message", answerKey);
  navigator.serviceWorker.startMessages();
}

/* True where the worker stands between this page and the server. A page that was loaded past it (Shift and reload) never has it. */
function hasWorker(container: ServiceWorkerContainer): Promise<boolean> {
  if (container.controller !== null) return Promise.resolve(true);
  return new Promise((resolve) => {
    container.addEventListener("controllerchange", () => resolve(true), { once: true });
    setTimeout(() => resolve(container.controller !== null), 1000);
  });
}

/* True once the worker stands between this page and the server. */
async function startWorker(): Promise<boolean> {
  if (!("serviceWorker" in navigator)) return false;
  const { serviceWorker } = navigator;
  try {
    await serviceWorker.register("/sound_worker.js");
    await serviceWorker.ready;
  } catch (error) {
    console.warn(`the sound is fetched whole: ${String(error)}`);
    return false;
  }
  return hasWorker(serviceWorker);
}

async function whole(path: string, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<string> {
  const response = await fetchRaw(path, { signal });
  const length = Number(response.headers.get("Content-Length") ?? 0);
  const tooLarge = () =>
    new Error("This sound is too large to be fetched whole. Save it under Files, or open this page over HTTPS.");
  if (length > wholeMost) {
    await response.body?.cancel();
    throw tooLarge();
  }
  const parts: BlobPart[] = [];
  let count = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    parts.push(part.value as BlobPart);
    count += part.value.length;
    if (count > wholeMost) {
      await reader?.cancel();
      throw tooLarge();
    }
    if (length > 0) onProgress(count / length);
  }
  return URL.createObjectURL(new Blob(parts, { type: response.headers.get("Content-Type") ?? "" }));
}

/* An address for an audio element; one that begins with "blob:" is to be revoked. */
export async function soundAddress(
  path: string,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<string> {
  if (getKey() === "") return path;
  worker ??= startWorker();
  if (await worker) return path;
  worker = null; // the next sound may find one
  return whole(path, onProgress, signal);
}
