/* Which page stands at which address. Addresses stand behind the hash: the server need not know them, and a reload keeps them. */
import { createHashRouter, Navigate, useRouteError } from "react-router";
import { Shell } from "./ui/shell";
import { Failure } from "./ui/state";

function Broken() {
  return (
    <main className="mx-auto max-w-3xl p-6">
      <Failure error={useRouteError()} again={() => location.reload()} />
    </main>
  );
}

/* Each page is fetched when it is first opened; it exports `Component`. */
export const router = createHashRouter([
  {
    path: "/",
    element: <Shell />,
    errorElement: <Broken />,
    children: [
      { index: true, element: <Navigate to="/runs" replace /> },
      { path: "runs", lazy: () => import("./pages/runs") },
      { path: "runs/:id", lazy: () => import("./pages/run") },
      { path: "compare", lazy: () => import("./pages/compare") },
      { path: "queue", lazy: () => import("./pages/queue") },
      { path: "new", lazy: () => import("./pages/new_run") },
      { path: "live", lazy: () => import("./pages/live") },
      { path: "speak", lazy: () => import("./pages/speak") },
      { path: "experiments", lazy: () => import("./pages/experiments") },
      { path: "experiments/:id", lazy: () => import("./pages/experiment") },
      { path: "logs", lazy: () => import("./pages/logs") },
      { path: "models", lazy: () => import("./pages/models") },
      { path: "health", lazy: () => import("./pages/health") },
      { path: "metrics", lazy: () => import("./pages/metrics") },
      { path: "*", lazy: () => import("./pages/not_found") },
    ],
  },
]);
