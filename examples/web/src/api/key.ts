/* The API key of this browser, and the moments at which the server asks for another one. */
import { useSyncExternalStore } from "react";

const keyName = "modellab.key";
const listeners = new Set<() => void>();
let wanted: string | null = null;
let turn = 0;

function tell(): void {
  for (const listener of listeners) listener();
}
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/* "" where the server asks for none. */
export function getKey(): string {
  return localStorage.getItem(keyName) ?? "";
}

export function setKey(key: string): void {
  if (key === "") localStorage.removeItem(keyName);
  else localStorage.setItem(keyName, key);
  wanted = null;
  turn++;
  tell();
}

/* Called with the server's words when it answers 401: the page stays, and the key is asked for. */
export function askForKey(why: string): void {
  if (wanted !== null) return;
  wanted = why;
  tell();
}

export function stopAsking(): void {
  wanted = null;
  tell();
}

/* Why the server wants a key, or null. */
export function useWantedKey(): string | null {
  return useSyncExternalStore(subscribe, () => wanted);
}

/* Another number for each key: what lasts (streams of events) begins anew with it. */
export function useKeyTurn(): number {
  return useSyncExternalStore(subscribe, () => turn);
}
