/* Keys of the whole client and of the page that is shown; "?" tells them. Nothing happens while a field is being typed in. */
import { useEffect, useRef } from "react";

export interface Shortcut {
  /* As KeyboardEvent.key has it; two keys, such as "g r", one after the other. */
  keys: string;
  text: string;
  run: () => void;
}

const active = new Set<{ current: Shortcut[] }>();
let before = "";

/* All shortcuts that work now, those of the page last. */
export function shortcuts(): Shortcut[] {
  return [...active].flatMap((one) => one.current);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT", "AUDIO"].includes(target.tagName))
  );
}

function press(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]") !== null) return;
  // A space on a button presses the button.
  if ([" ", "Enter"].includes(event.key) && event.target instanceof HTMLElement && event.target !== document.body) {
    if (event.target.closest("button, a, summary, [role=tab]") !== null) return;
  }
  const both = `${before} ${event.key}`;
  const found = shortcuts().find((one) => one.keys === both) ?? shortcuts().find((one) => one.keys === event.key);
  before = found === undefined ? event.key : "";
  if (found === undefined) return;
  event.preventDefault();
  found.run();
}

export function useShortcuts(list: Shortcut[]): void {
  const mine = useRef(list);
  useEffect(() => {
    mine.current = list;
  });
  useEffect(() => {
    if (active.size === 0) addEventListener("keydown", press);
    active.add(mine);
    return () => {
      active.delete(mine);
      if (active.size === 0) removeEventListener("keydown", press);
    };
  }, []);
}
