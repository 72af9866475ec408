/* Where the audio stands: told at each frame, to those alone who look, so that the page is not drawn anew for it. */
import { useSyncExternalStore } from "react";

export class Position {
  private seconds = 0;
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly get = (): number => this.seconds;

  set(seconds: number): void {
    if (seconds === this.seconds) return;
    this.seconds = seconds;
    for (const listener of this.listeners) listener();
  }
}

/* A value made of the position; draws anew only when it is another one. It is to be a string, a number or null. */
export function usePosition<T extends string | number | null>(position: Position, of: (seconds: number) => T): T {
  return useSyncExternalStore(position.subscribe, () => of(position.get()));
}

interface Span {
  start: number;
  end: number;
}

/* The last of `spans`, which are in order of their start, that has begun and is not over; -1 for none. */
export function indexAt(spans: readonly Span[], seconds: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.start ?? Infinity) <= seconds) low = middle + 1;
    else high = middle;
  }
  const found = spans[low - 1];
  return found !== undefined && seconds < found.end ? low - 1 : -1;
}
