/* A list of rows of unequal heights of which only those in sight are in the document; heights are measured as rows come. */
import {
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type ReactNode,
  type Ref,
} from "react";

const beyond = 400; // pixels above and below what is in sight

export interface ListHandle {
  /* Brings a row into sight, unless it is. */
  show: (index: number) => void;
}

interface Props {
  label: string;
  count: number;
  keyOf: (index: number) => number | string;
  /* A guess at the height in pixels, until it is measured. */
  guess: (index: number) => number;
  row: (index: number) => ReactNode;
  handle?: Ref<ListHandle>;
  className?: string;
}

/* The row at a height: the last one that begins at or above it. */
export function rowAt(offsets: Float64Array, height: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function VirtualList({ label, count, keyOf, guess, row, handle, className }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, height: 600 });
  const [heights, setHeights] = useState<ReadonlyMap<string, number>>(new Map());
  const offsets = useMemo(() => {
    const sums = new Float64Array(count + 1);
    for (let i = 0; i < count; i++) sums[i + 1] = (sums[i] ?? 0) + (heights.get(String(keyOf(i))) ?? guess(i));
    return sums;
  }, [count, heights, keyOf, guess]);

  const [watch] = useState(
    () =>
      new ResizeObserver((entries) =>
        setHeights((old) => {
          const next = new Map(old);
          for (const { target } of entries) {
            const key = (target as HTMLElement).dataset.key;
            const height = (target as HTMLElement).offsetHeight;
            if (key !== undefined && height > 0) next.set(key, height);
          }
          return next;
        }),
      ),
  );
  useEffect(() => () => watch.disconnect(), [watch]);
  const measured = useCallback(
    (element: HTMLLIElement | null) => {
      if (element === null) return;
      watch.observe(element);
      return () => watch.unobserve(element);
    },
    [watch],
  );
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = () => setSight({ top: element.scrollTop, height: element.clientHeight });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const size = new ResizeObserver(look);
    size.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      size.disconnect();
    };
  }, []);
  useImperativeHandle(
    handle,
    () => ({
      show: (index) => {
        const element = box.current;
        if (element === null) return;
        const from = offsets[index] ?? 0;
        const to = offsets[index + 1] ?? from;
        if (from < element.scrollTop || to > element.scrollTop + element.clientHeight)
          element.scrollTop = from - element.clientHeight / 3;
      },
    }),
    [offsets],
  );

  const first = Math.min(rowAt(offsets, sight.top - beyond), Math.max(0, count - 1));
  const last = Math.min(count, rowAt(offsets, sight.top + sight.height + beyond) + 1);
  const end = offsets[count] ?? 0;
  return (
    <div ref={box} className={`overflow-y-auto ${className ?? ""}`} tabIndex={0} role="region" aria-label={label}>
      <ol>
        <li aria-hidden style={{ height: offsets[first] ?? 0 }} />
        {Array.from({ length: Math.max(0, last - first) }, (_, n) => first + n).map((i) => (
          <li key={keyOf(i)} ref={measured} data-key={keyOf(i)} aria-setsize={count} aria-posinset={i + 1}>
            {row(i)}
          </li>
        ))}
        <li aria-hidden style={{ height: end - (offsets[last] ?? end) }} />
      </ol>
    </div>
  );
}
