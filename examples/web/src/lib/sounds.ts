/* Sound that is not with the server yet: recordings as they grow and files on their way, in IndexedDB, by tab. */
const day = 86_400_000;

export interface KeptSound {
  tab: string;
  name: string;
  /* 0 for a file that was chosen: then the one part is that file. */
  rate: number;
  at: number;
}

/* A name for this tab that a reload keeps. */
export function tabName(): string {
  const kept = sessionStorage.getItem("modellab.tab");
  const name = kept ?? `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  if (kept === null) sessionStorage.setItem("modellab.tab", name);
  return name;
}

function wait<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("The browser's database failed."));
  });
}

function done(change: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onabort = () => reject(change.error ?? new Error("The browser's database failed."));
  });
}

let opened: Promise<IDBDatabase> | null = null;

async function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open("modellab", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("sounds", { keyPath: "tab" });
    request.result.createObjectStore("parts", { autoIncrement: true }).createIndex("tab", "tab");
  };
  const found = await wait(request);
  found.onclose = () => (opened = null);
  return found;
}

function database(): Promise<IDBDatabase> {
  opened ??= openDatabase().catch((error: unknown) => {
    opened = null; // the next call tries again
    throw error;
  });
  return opened;
}

async function dropIn(change: IDBTransaction, tab: string): Promise<void> {
  change.objectStore("sounds").delete(tab);
  const parts = change.objectStore("parts");
  for (const key of await wait(parts.index("tab").getAllKeys(tab))) parts.delete(key);
}

/* Begins anew: what this tab had is gone, and what other tabs left behind for more than a week. */
export async function keepSound(name: string, rate: number): Promise<void> {
  const change = (await database()).transaction(["sounds", "parts"], "readwrite");
  const tab = tabName();
  const old = (await wait(change.objectStore("sounds").getAll())) as KeptSound[];
  for (const sound of old) if (sound.tab === tab || sound.at < Date.now() - 7 * day) await dropIn(change, sound.tab);
  change.objectStore("sounds").put({ tab, name, rate, at: Date.now() } satisfies KeptSound);
  await done(change);
}

export async function keepPart(part: Float32Array | Blob): Promise<void> {
  const change = (await database()).transaction("parts", "readwrite");
  change.objectStore("parts").add({ tab: tabName(), part });
  await done(change);
}

export async function dropSound(): Promise<void> {
  const change = (await database()).transaction(["sounds", "parts"], "readwrite");
  await dropIn(change, tabName());
  await done(change);
}

/* What this tab had when it was reloaded. */
export async function keptSound(): Promise<{ sound: KeptSound; parts: (Float32Array | Blob)[] } | null> {
  const change = (await database()).transaction(["sounds", "parts"]);
  const sound = (await wait(change.objectStore("sounds").get(tabName()))) as KeptSound | undefined;
  if (sound === undefined) return null;
  const rows = (await wait(change.objectStore("parts").index("tab").getAll(tabName()))) as { part: Float32Array }[];
  return rows.length === 0 ? null : { sound, parts: rows.map((row) => row.part) };
}
