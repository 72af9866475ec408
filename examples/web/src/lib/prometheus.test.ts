import { describe, expect, it } from "vitest";
import { parseMetrics, total } from "./prometheus";

const text = `# HELP modellab_runs Runs by status.
# TYPE modellab_runs gauge
modellab_runs{status="queued"} 2
modellab_runs{status="running",note="a \\"b\\", c\\\\d"} 1.5e1
modellab_up 1
`;

describe("parseMetrics", () => {
  it("reads names, labels and values", () => {
    const { samples, help } = parseMetrics(text);
    expect(help.get("modellab_runs")).toBe("Runs by status.");
    expect(samples[1]).toEqual({
      name: "modellab_runs",
      labels: { status: "running", note: 'a "b", c\\d' },
      value: 15,
    });
    expect(total(samples, "modellab_runs")).toBe(17);
    expect(total(samples, "modellab_runs", { status: "queued" })).toBe(2);
    expect(total(samples, "modellab_none")).toBeNull();
  });
});
