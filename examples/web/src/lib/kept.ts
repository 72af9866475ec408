/* What a reload must not lose: state of a page that is kept with its tab. Two tabs have two drafts. */
import { useCallback, useEffect, useState } from "react";

const prefix = "modellab.draft.";

/* Of an older version of the client a kept object may lack fields: those are as in `initial`. */
export function readKept<T>(name: string, initial: T): T {
  const kept = sessionStorage.getItem(prefix + name);
  if (kept === null) return initial;
  try {
    const value = JSON.parse(kept) as T;
    if (typeof value !== typeof initial && initial !== null) return initial;
    if (Array.isArray(value) !== Array.isArray(initial) && initial !== null) return initial;
    const both = typeof initial === "object" && initial !== null && !Array.isArray(initial) && value !== null;
    return both ? { ...initial, ...value } : value;
  } catch (error) {
    if (error instanceof SyntaxError) return initial;
    throw error;
  }
}

export function writeKept(name: string, value: unknown): void {
  try {
    sessionStorage.setItem(prefix + name, JSON.stringify(value));
  } catch (error) {
    // A tab whose storage is full goes on without it.
    if (!(error instanceof DOMException)) throw error;
    console.warn(`what was typed is not kept: ${error.message}`);
  }
}

export function dropKept(name: string): void {
  sessionStorage.removeItem(prefix + name);
}

/* Like useState, but it is there again after a reload, until `drop` is called. */
export function useKept<T>(name: string, initial: T): [T, (next: T | ((old: T) => T)) => void, () => void] {
  const [value, setValue] = useState<T>(() => readKept(name, initial));
  const [touched, setTouched] = useState(false);
  useEffect(() => {
    if (touched) writeKept(name, value);
  }, [name, touched, value]);
  const set = useCallback((next: T | ((old: T) => T)) => {
    setTouched(true);
    setValue(next);
  }, []);
  const drop = useCallback(() => {
    setTouched(false);
    dropKept(name);
  }, [name]);
  return [value, set, drop];
}
