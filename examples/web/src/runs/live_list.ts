/* Keeps lists of runs fresh: the feed of events tells that something happened, the list is asked again, at most once a second. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useKeyTurn } from "../api/key";
import { followEvents } from "../api/events";

export function useLiveRuns(): boolean {
  const queries = useQueryClient();
  const turn = useKeyTurn();
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void queries.invalidateQueries({ queryKey: ["get", "/api/v1/runs"] });
      }, 1_000);
    };
    followEvents("/api/v1/events", { signal: stop.signal, onMessage: refresh, onState: setConnected }).catch(() =>
      // A refusal shows in the list itself, which asks with the same key.
      setConnected(false),
    );
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [queries, turn]);
  return connected;
}
