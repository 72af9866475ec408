/* Prometheus text as samples: what the page of metrics draws. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

export function parseMetrics(text: string): { samples: Sample[]; help: Map<string, string> } {
  const samples: Sample[] = [];
  const help = new Map<string, string>();
  for (const row of text.split("\n")) {
    if (row.startsWith("# HELP ")) {
      const [name = "", ...words] = row.slice(7).split(" ");
      help.set(name, words.join(" "));
      continue;
    }
    const found = row.startsWith("#") ? null : line.exec(row);
    if (found === null) continue;
    const labels: Record<string, string> = {};
    for (const [, key = "", value = ""] of (found[2] ?? "").matchAll(pair))
      labels[key] = value.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    const value = found[3] === "+Inf" ? Infinity : Number(found[3]);
    samples.push({ name: found[1] ?? "", labels, value });
  }
  return { samples, help };
}

/* The sum of a family's samples, of those whose labels fit. */
export function total(samples: Sample[], name: string, labels: Record<string, string> = {}): number | null {
  const fitting = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  return fitting.length === 0 ? null : fitting.reduce((sum, sample) => sum + sample.value, 0);
}
