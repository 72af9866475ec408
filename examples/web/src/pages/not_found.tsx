/* An address that leads nowhere. */
import { Link, useLocation } from "react-router";
import { Empty } from "../ui/state";

export function Component() {
  const { pathname } = useLocation();
  return (
    <>
      <h1 className="text-xl font-semibold">There is no such page</h1>
      <Empty title="Nothing is here.">
        <p>
          <code className="break-all">{pathname}</code> leads nowhere. Perhaps you want{" "}
          <Link className="text-accent underline" to="/runs">
            the runs
          </Link>{" "}
          or{" "}
          <Link className="text-accent underline" to="/new">
            a new one
          </Link>
          ?
        </p>
      </Empty>
    </>
  );
}
