/* What was logged for one request, by all runs that it made. */
import { useSearchParams } from "react-router";
import { Log } from "../run/log";
import { Card, Field, inputLook } from "../ui/controls";
import { Empty } from "../ui/state";

export function Component() {
  const [params, change] = useSearchParams();
  const request = params.get("request_id") ?? "";
  return (
    <>
      <h1 className="text-xl font-semibold">Log of a request</h1>
      <Card>
        <Field label="Request id" hint="It stands in every error, in the header X-Request-Id, and with every run.">
          <input
            type="search"
            className={`${inputLook} font-mono`}
            value={request}
            onChange={(event) =>
              change(event.target.value.trim() === "" ? {} : { request_id: event.target.value.trim() }, {
                replace: true,
              })
            }
          />
        </Field>
      </Card>
      {request === "" ? (
        <Empty title="Which request?">Paste its id above.</Empty>
      ) : (
        <Card title="Lines of its runs">
          <Log id={null} requestId={request} />
        </Card>
      )}
    </>
  );
}
