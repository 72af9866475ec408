/* A time series chart on uPlot that follows width and theme. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Series {
  label: string;
  values: (number | null)[];
}

const strokes = ["#0d9488", "#d97706", "#3b82f6", "#db2777", "#65a30d"];

export function Chart({
  label,
  times,
  series,
  unit,
}: {
  label: string;
  times: number[];
  series: Series[];
  unit?: (value: number) => string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = series.map((one) => one.label).join("\n");
  const format = useRef(unit);
  useEffect(() => {
    format.current = unit;
  });
  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--soft");
    const line = () => getComputedStyle(document.documentElement).getPropertyValue("--line");
    const tell = (value: number | null) => (value === null ? "–" : (format.current?.(value) ?? String(value)));
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const made = new uPlot(
      {
        width: box.clientWidth,
        height: 180,
        legend: { live: true },
        axes: [axis, { ...axis, size: 70, values: (_, ticks) => ticks.map(tell) }],
        series: [
          {},
          ...names.split("\n").map((name, i) => ({
            label: name,
            stroke: strokes[i % strokes.length] ?? "",
            width: 2,
            points: { show: false },
            value: (_: uPlot, value: number | null) => tell(value),
          })),
        ],
      },
      [[], ...names.split("\n").map(() => [])],
      box,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: 180 }));
    watch.observe(box);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names]);
  useEffect(() => {
    plot.current?.setData([times, ...series.map((one) => one.values)]);
  }, [times, series]);
  const last = series.map((one) => `${one.label} ${one.values.at(-1) ?? "not known"}`).join(", ");
  return <div ref={place} role="img" aria-label={`${label}: ${last}`} />;
}
