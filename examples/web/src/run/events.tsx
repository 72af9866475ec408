/* The events of a run as they come, from the first on; a connection that breaks goes on from the last number. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ApiError, type Schemas } from "../api/client";
import { useKeyTurn } from "../api/key";
import { followEvents } from "../api/events";
import { Failure } from "../ui/state";

type Event = Schemas["Event"];

/* All events of the run so far. Asks the run again when one comes. */
export function useEvents(id: string): { events: Event[]; connected: boolean; problem: unknown } {
  const queries = useQueryClient();
  const turn = useKeyTurn();
  const last = useRef("0");
  const [events, setEvents] = useState<Event[]>([]);
  const [connected, setConnected] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const fail = (error: unknown) => {
      // Without a right key it begins anew with the next one, and says nothing of its own.
      if (!(error instanceof ApiError && error.status === 401)) setProblem(error);
    };
    let waiting: Event[] = [];
    const flush = () => {
      timer = undefined;
      const come = waiting;
      waiting = [];
      setEvents((old) => [...old, ...come]);
      void queries.invalidateQueries({ predicate: (query) => JSON.stringify(query.queryKey).includes(id) });
    };
    followEvents(`/api/v1/runs/${id}/events`, {
      signal: stop.signal,
      lastId: last.current,
      onState: setConnected,
      onMessage: (message) => {
        if (message.event === "end") return; // last words of the server: it stops, or the key is not good any more
        last.current = message.id;
        waiting.push(JSON.parse(message.data) as Event);
        timer ??= setTimeout(flush, 250);
        if (/^run_(completed|failed|cancelled|timeout|stale)$/.test(message.event)) stop.abort();
      },
    }).catch(fail);
    return () => {
      stop.abort();
      clearTimeout(timer);
      const come = waiting;
      setEvents((old) => [...old, ...come]);
    };
  }, [id, queries, turn]);
  return { events, connected, problem };
}

export function Events({ events, problem }: { events: Event[]; problem: unknown }) {
  if (problem !== null) return <Failure error={problem} />;
  return (
    <ol className="max-h-80 overflow-y-auto font-mono text-sm" tabIndex={0} aria-label="Events" aria-live="polite">
      {[...events].reverse().map((event) => (
        <li
          key={event.number}
          className="grid grid-cols-[3rem_6rem_1fr] gap-x-2 border-t border-line py-1 first:border-t-0"
        >
          <span className="text-soft">{event.number}</span>
          <span className="text-soft">{event.time.slice(11, 19)}</span>
          <span className="min-w-0 break-words">
            {event.type} {event.step}
          </span>
        </li>
      ))}
    </ol>
  );
}
