/* A reload at any time loses nothing: drafts, uploads, recordings, filters, tabs, names that are not saved, the log's view. */
import { begin, check, context, end, look, must, open, page, patience, sample } from "./kit.mjs";

const again = async () => {
  await page.reload();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
};

await begin("new run: an upload and all that was typed are there after a reload", async () => {
  await open("/new");
  await page.getByLabel("Audio file").setInputFiles(sample);
  await page.getByText("Ready:").waitFor();
  await page.getByLabel("Pipeline").selectOption("asr_with_diarization");
  await page.getByLabel("Priority").selectOption("high");
  await page.getByLabel("Longest time, minutes").fill("7");
  await page.getByLabel("Labels").fill("room=3, kind=reload");
  await page.getByLabel("Options of the steps, as JSON").fill('{"asr": {"word_times": true}}');
  await again();
  await page.getByText("Ready:").waitFor();
  for (const [label, value] of [
    ["Pipeline", "asr_with_diarization"],
    ["Priority", "high"],
    ["Longest time, minutes", "7"],
    ["Labels", "room=3, kind=reload"],
    ["Options of the steps, as JSON", '{"asr": {"word_times": true}}'],
  ]) {
    const have = await page.getByLabel(label).inputValue();
    must(have === value, `${label} is ${JSON.stringify(have)}`);
  }
  await page.getByText("Costs about", { exact: true }).waitFor();
  await look("new-run-full");
});

await check("new run: what the server says of a field stands at that field", async () => {
  await page.getByLabel("Language").fill("klingon");
  const field = page.locator("label", { hasText: "Language" });
  await field.getByRole("alert").waitFor();
  await look("new-run-wrong");
  await page.getByLabel("Language").fill("");
  await page.getByLabel("Labels").fill("room");
  await page.locator("label", { hasText: "Labels" }).getByText("name=value").waitFor();
  await page.getByLabel("Labels").fill("room=3, kind=reload");
});

await begin("new run: once it is started the draft is empty", async () => {
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/#\/runs\/0/);
  const run = page.url();
  await open("/new");
  await page.getByText("It needs audio first.").waitFor();
  must((await page.getByLabel("Labels").inputValue()) === "", "the labels are still there");
  await page.goto(run);
  await page
    .getByText("COMPLETED", { exact: true })
    .first()
    .waitFor({ timeout: 5 * patience });
});

await check("run: names that are not saved, the search and the open tab stay", async () => {
  await page.getByText("Names of the speakers").click();
  await page.getByPlaceholder("Name").first().fill("Bea");
  await page.getByText("Not saved yet").waitFor();
  await page.getByLabel("Find in the transcript").fill("chicago");
  await page.getByText(/^\d+ of \d+ segments/).waitFor();
  await again();
  await page.getByText("Not saved yet").waitFor();
  must((await page.getByPlaceholder("Name").first().inputValue()) === "Bea", "the name is gone");
  must((await page.getByLabel("Find in the transcript").inputValue()) === "chicago", "the search is gone");
  await page.getByRole("button", { name: "Save names" }).click();
  await page.getByText("Not saved yet").waitFor({ state: "hidden" });
  await page.locator("[aria-label=Segments]").getByText("Bea").first().waitFor();
  await page.getByLabel("Find in the transcript").fill("");
});

await check("run: the position in the audio stays", async () => {
  await page
    .getByRole("button", { name: /^Play from/ })
    .nth(5)
    .click();
  const at = await page.getByLabel("Position").inputValue();
  must(Number(at) > 1, `it stands at ${at}`);
  await page.waitForFunction(() => Object.keys(sessionStorage).some((name) => name.startsWith("modellab.draft.time.")));
  await again();
  await page.waitForFunction(
    (t) => Math.abs(document.querySelector("[aria-label=Position]")?.value - t) < 0.2,
    Number(at),
  );
});

await check("run: the log is a table, by level and text, with fields on a click; its view stays", async () => {
  await page.getByRole("tab", { name: "Log" }).click();
  await page.getByRole("columnheader", { name: "Component" }).waitFor();
  const lines = page.getByRole("region", { name: "Lines of the log" });
  const all = await lines.getByRole("button", { expanded: false }).count();
  await page.getByLabel("Find in the log").fill("diarization");
  await page.getByText(new RegExp(`^\\d+ of ${all} lines`)).waitFor();
  await again();
  await page.getByText(/^\d+ of \d+ lines/).waitFor();
  const line = lines.getByRole("button", { expanded: false }).first();
  await line.click();
  await lines.getByText("request_id", { exact: true }).first().waitFor();
  await look("run-log");
  await page.getByLabel("Raw").click(); // its state is in the address, and comes back from there
  await lines.getByText('"event":').first().waitFor();
  await look("run-log-raw");
  await page.getByLabel("Raw").click();
  await page.getByRole("columnheader", { name: "Component" }).waitFor();
  await page.getByLabel("Find in the log").fill("");
  await page.getByLabel("Request id").fill("nobody");
  await page.getByText("No line of this level.").waitFor();
});

await check("log: all lines of a request, found by its id", async () => {
  await page.getByLabel("Request id").fill("");
  await page.getByRole("region", { name: "Lines of the log" }).getByRole("button", { expanded: false }).first().click();
  const fields = page.getByRole("region", { name: "Lines of the log" }).locator("dl").first();
  const id = await fields.locator("dt", { hasText: "request_id" }).locator("+ dd").textContent();
  await open(`/logs?request_id=${id}`);
  await page.getByText(/^\d+ lines/).waitFor();
  await look("log-of-a-request");
});

await check("runs: filters and order are in the address", async () => {
  await open("/runs");
  await page.getByLabel("Status").selectOption("COMPLETED");
  await page.getByLabel("Order").selectOption("oldest");
  await page.getByLabel("Find", { exact: true }).fill("sample");
  await page.waitForURL(/q=sample/);
  await again();
  for (const [label, value] of [
    ["Status", "COMPLETED"],
    ["Order", "oldest"],
    ["Find", "sample"],
  ])
    must((await page.getByLabel(label).first().inputValue()) === value, `${label} is lost`);
  await page.getByRole("link", { name: "sample.wav" }).first().waitFor();
});

await check("speak: text, speed and what was said stay", async () => {
  await open("/speak");
  await page.getByLabel("Text", { exact: false }).first().fill("A reload loses nothing at all.");
  await page.getByLabel(/^Speed/).fill("1.25");
  await page.getByRole("button", { name: "Speak" }).click();
  await page.getByText("6 words").waitFor({ timeout: 2 * patience });
  await page.getByLabel("Text", { exact: false }).first().fill("Something else by now.");
  await again();
  await page.getByText("6 words").waitFor();
  must(
    (await page.getByLabel("Text", { exact: false }).first().inputValue()) === "Something else by now.",
    "the text is lost",
  );
  must((await page.getByLabel(/^Speed/).inputValue()) === "1.25", "the speed is lost");
});

await check("new run: a recording that a reload cuts off can be used", async () => {
  await open("/new");
  await page.getByRole("button", { name: "Record from the microphone" }).click();
  await page.getByRole("button", { name: /Stop recording \(0:0[3-9]/ }).waitFor();
  await look("new-run-recording");
  await again();
  await page.getByText(/A recording of .* was cut off/).waitFor();
  await look("new-run-cut-off");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText("Ready:").waitFor();
  must(/recording .*\.wav/.test(await page.getByText("Ready:").locator("..").textContent()), "it is no WAV file");
  await again();
  await page.getByText("Ready:").waitFor();
  must((await page.getByText(/was cut off/).count()) === 0, "it is offered again");
  await page.getByRole("button", { name: "Begin anew" }).click();
});

await check("new run: a file that was on its way is sent after a reload", async () => {
  let held = true;
  await context.route("**/api/v1/uploads?*", (route) => (held ? undefined : route.continue()));
  await page.getByLabel("Audio file").setInputFiles(sample);
  await page.getByRole("progressbar", { name: /^Sending/ }).waitFor();
  held = false;
  await again();
  await page.getByText("Ready:").waitFor();
  await context.unroute("**/api/v1/uploads?*");
});

/* Leaves the page inside the client, as a click on a link does. */
const leave = async () => {
  await open("/queue");
  await page.getByRole("heading", { name: "New run" }).waitFor({ state: "detached" });
};
const anew = async () => {
  await context.unrouteAll({ behavior: "ignoreErrors" });
  await page.evaluate(() => sessionStorage.clear()); // the tab has another name then, and no draft
  await open("/new");
  await again();
  await page.getByText("It needs audio first.").waitFor();
};
const soon = { timeout: patience / 4 };

await check("new run: a file that was on its way is not lost where the page is left", async () => {
  await anew();
  let held = null;
  await context.route("**/api/v1/uploads?*", (route) => (held === null ? void (held = route) : route.continue()));
  await page.getByLabel("Audio file").setInputFiles(sample);
  await page.getByRole("progressbar", { name: /^Sending/ }).waitFor();
  while (held === null) await page.waitForTimeout(50);
  await leave();
  // Whatever comes of it has come by then.
  await held.continue().catch(() => undefined);
  await page.waitForTimeout(1500);
  await open("/new");
  await page.getByText("Ready:").waitFor(soon);
});

await check("new run: what the server does not take now is still here", async () => {
  await anew();
  const reply = { status: 503, body: '{"detail": "The server is busy now."}' };
  await context.route("**/api/v1/uploads?*", (route) => route.fulfill(reply));
  await page.getByRole("button", { name: "Record from the microphone" }).click();
  await page.getByRole("button", { name: /Stop recording \(0:0[2-9]/ }).click();
  await page.getByText("The server is busy now.").waitFor();
  await page.getByText(/recording .*\.wav was not sent/).waitFor(soon);
  await look("new-run-not-sent");
  await again();
  await page.getByText(/A recording of .* was cut off/).waitFor(soon);
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText(/recording .*\.wav was not sent/).waitFor();
  await context.unroute("**/api/v1/uploads?*");
  await page.getByRole("button", { name: "Send it again" }).click();
  await page.getByText("Ready:").waitFor();
});

await check("new run: a file is sent where the browser has no room for a copy", async () => {
  await anew();
  await page.evaluate(() => {
    IDBObjectStore.prototype.add = () => {
      throw new DOMException("There is no room.", "QuotaExceededError");
    };
  });
  await page.getByLabel("Audio file").setInputFiles(sample);
  await page.getByText("Ready:").waitFor(soon);
});

await check("new run, live: a microphone that is allowed after the page was left is turned off", async () => {
  await anew();
  await page.evaluate(() => {
    const devices = navigator.mediaDevices;
    const ask = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wish) => {
      await new Promise((resolve) => (window.allow = resolve));
      return (window.heard = await ask(wish));
    };
  });
  for (const [path, name] of [
    ["/new", "Record from the microphone"],
    ["/live", "Start listening"],
  ]) {
    await open(path);
    const button = page.getByRole("button", { name });
    await button.click();
    await page.waitForFunction(() => "allow" in window);
    await open("/queue");
    await button.waitFor({ state: "detached" });
    await page.getByRole("heading", { name: "Queue" }).first().waitFor();
    await page.evaluate(() => window.allow());
    const isOff = () => window.heard?.getTracks().every((track) => track.readyState === "ended");
    await page.waitForFunction(isOff, undefined, soon);
    await page.evaluate(() => (delete window.heard, delete window.allow));
  }
});

await end();
