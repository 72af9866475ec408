/* Whether the server can be reached: the browser's own word, /livez each 10 seconds (each 2 while it is away), and at once
 * when a request fails. */
import { useEffect, useState } from "react";

const event = "modellab:unreachable";

/* To be called where a request came to nothing. */
export function lostServer(): void {
  dispatchEvent(new Event(event));
}

export interface Reach {
  reachable: boolean;
  /* It was away while this page was open, and came back: when. */
  backAt: number | null;
}

export function useReachable(): Reach {
  const [reach, setReach] = useState<Reach>({ reachable: true, backAt: null });
  const away = !reach.reachable;
  useEffect(() => {
    let gone = false;
    let looking = false;
    const look = async () => {
      if (looking) return;
      looking = true;
      const answer = await fetch("/livez", { cache: "no-store" }).then(
        (response) => response.ok,
        () => false,
      );
      looking = false;
      if (gone) return;
      setReach((old) => {
        if (old.reachable === answer) return old;
        return answer ? { reachable: true, backAt: Date.now() } : { reachable: false, backAt: null };
      });
    };
    const off = () => setReach({ reachable: false, backAt: null });
    const on = () => void look();
    const timer = setInterval(on, away ? 2_000 : 10_000);
    addEventListener("offline", off);
    addEventListener("online", on);
    addEventListener(event, on);
    return () => {
      gone = true;
      clearInterval(timer);
      removeEventListener("offline", off);
      removeEventListener("online", on);
      removeEventListener(event, on);
    };
  }, [away]);
  return reach;
}
