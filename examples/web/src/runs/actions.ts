/* What can be done to a run, and the lists that must be asked again afterwards. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

/* Runs an action, keeps what went wrong, and refreshes everything that shows runs. */
export function useAction(): { busy: boolean; problem: unknown; act: (work: () => Promise<unknown>) => Promise<void> } {
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const act = async (work: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await work();
      setProblem(null);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
      await queries.invalidateQueries();
    }
  };
  return { busy, problem, act };
}
