/* Whether the server can be reached: the browser's own word, and /livez each 10 seconds. */
import { useEffect, useState } from "react";

export function useReachable(): boolean {
  const [reachable, setReachable] = useState(true);
  useEffect(() => {
    let gone = false;
    const look = async () => {
      const answer = await fetch("/livez", { cache: "no-store" }).then(
        (response) => response.ok,
        () => false,
      );
      if (!gone) setReachable(answer);
    };
    const off = () => setReachable(false);
    const timer = setInterval(() => void look(), 10_000);
    addEventListener("offline", off);
    addEventListener("online", look);
    return () => {
      gone = true;
      clearInterval(timer);
      removeEventListener("offline", off);
      removeEventListener("online", look);
    };
  }, []);
  return reachable;
}
