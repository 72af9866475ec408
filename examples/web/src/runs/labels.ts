/* Words for what the contract numbers or names. */
import type { Schemas } from "../api/client";

export type RunSummary = Schemas["RunSummary"];

export const statuses = ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "STALE"] as const;

export function isActive(status: string): boolean {
  return status === "QUEUED" || status === "RUNNING";
}

export function priorityName(priority: number): string {
  const named: Record<number, string> = { 0: "low", 10: "normal", 20: "high", 30: "urgent" };
  return named[priority] ?? String(priority);
}

export function runTitle(run: RunSummary): string {
  return run.input?.name || run.pipeline;
}
