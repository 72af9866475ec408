/* Every page of the web client in light, dark and on a phone's width, with the checks of axe, and what people do on them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { begin, check, context, end, errors, look, must, open, out, page, patience, sample, webm } from "./kit.mjs";

let runPath = "";

await check("runs: empty", async () => {
  await open("/runs");
  await page.getByText("No runs here.").waitFor();
  await look("runs-empty");
});

await check("new run: a file that is no audio is refused before it is sent", async () => {
  await open("/new");
  await page.getByLabel("Audio file").setInputFiles(webm);
  const told = page.getByRole("alert").filter({ hasText: "WebM" });
  await told.waitFor();
  must((await told.textContent()).includes("FLAC"), "it does not say what works");
});

await begin("new run: options are checked as they are typed", async () => {
  await page.getByLabel("Options of the steps, as JSON").fill('{"asr": {"beam_sise": 5}}');
  const told = page.getByText("did you mean 'beam_size'?");
  await told.waitFor();
  must(await page.getByRole("button", { name: "Start the run" }).isDisabled(), "it can be started all the same");
  await page.getByLabel("Options of the steps, as JSON").fill("");
  await told.waitFor({ state: "hidden" });
});

await begin("new run: a file is sent, estimated and started", async () => {
  await page.getByLabel("Audio file").setInputFiles(sample);
  await page.getByText("Ready:").waitFor();
  await page.getByText("Costs about", { exact: true }).waitFor();
  await look("new-run");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/#\/runs\/0/);
  runPath = new URL(page.url()).hash.slice(1);
});

await begin("run: it completes while the page is open", async () => {
  await page
    .getByText("COMPLETED", { exact: true })
    .first()
    .waitFor({ timeout: 5 * patience });
  await page.getByRole("heading", { name: "Transcript" }).waitFor();
});

await check("run: a reload loses nothing", async () => {
  await page.reload();
  await page.getByRole("heading", { name: "Transcript" }).waitFor();
  await page.getByRole("heading", { name: "Audio" }).waitFor();
  await page.getByText("/ 0:30.0").waitFor();
  await page.getByText(/^Transcribed/).waitFor();
  const said = await page.locator("[aria-label=Segments]").textContent();
  must(said.includes("I didn't know you were there."), `words run into one another: ${said.slice(0, 300)}`);
  await look("run");
});

await check("run: a word that is clicked is where the audio stands", async () => {
  const word = page.locator("[aria-label=Segments] span[title]").nth(12);
  await word.click();
  const at = Number((/^(\d+):([\d.]+)/.exec(await word.getAttribute("title")) ?? [])[2]);
  const position = page.getByLabel("Position");
  await page.waitForFunction((t) => Math.abs(document.querySelector("[aria-label=Position]").value - t) < 0.2, at);
  must(Math.abs(Number(await position.inputValue()) - at) < 0.2, "the position is another one");
});

await check("run: the transcript can be searched", async () => {
  const all = Number(await page.locator("[aria-label=Segments] li[aria-setsize]").first().getAttribute("aria-setsize"));
  await page.getByLabel("Find in the transcript").fill("zzzz");
  await page.getByText(`0 of ${all} segments`).waitFor();
  await page.getByLabel("Find in the transcript").fill("");
});

await check("run: speakers get names that stay", async () => {
  await page.getByText("Names of the speakers").click();
  await page.getByPlaceholder("Name").first().fill("Ann");
  await page.getByRole("button", { name: "Save names" }).click();
  await page.locator("[aria-label=Segments]").getByText("Ann").first().waitFor();
  await page.reload();
  await page.locator("[aria-label=Segments]").getByText("Ann").first().waitFor();
});

await check("run: events, steps, files and origin each have a tab", async () => {
  for (const [tab, sign] of [
    ["Steps", "who_said_what"],
    ["Events", "run_completed"],
    ["Origin", "Sandbox"],
    ["Files", "coverage.json"],
  ]) {
    await page.getByRole("tab", { name: tab }).click();
    await page.getByText(sign, { exact: true }).first().waitFor();
    await look(`run-${tab.toLowerCase()}`);
  }
});

await check("run: the transcript is saved in a format", async () => {
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "srt", exact: true }).click(),
  ]);
  must(readFileSync(await saved.path(), "utf8").includes(" --> "), "the file holds no cue");
});

await check("run: it is done again and compared", async () => {
  const first = runPath.split("/").pop();
  await page.getByRole("button", { name: "Run again" }).click();
  await page.waitForFunction((id) => !location.hash.endsWith(id), first);
  await page
    .getByText("COMPLETED", { exact: true })
    .first()
    .waitFor({ timeout: 5 * patience });
  const button = page.getByRole("button", { name: "Compare" });
  for (let steady = 0; steady < 3; steady = (await button.isEnabled()) ? steady + 1 : 0) {
    // The page of the run before may still be there, and takes what is typed with it.
    if (steady === 0) await page.getByLabel("Compare with run").fill(first);
    await page.waitForTimeout(200);
  }
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByText("0 places differ").waitFor();
  await look("compare");
});

await check("runs: the list, with filters", async () => {
  await open("/runs");
  await page.getByRole("link", { name: "sample.wav" }).first().waitFor();
  must((await page.getByRole("row").count()) >= 3, "two runs are not both there");
  await look("runs");
  await page.getByLabel("Status").selectOption("FAILED");
  await page.getByText("No run matches these filters.").waitFor();
});

await check("new run: the microphone is recorded as WAV", async () => {
  await open("/new");
  await page.getByRole("button", { name: "Record from the microphone" }).click();
  await page.getByRole("button", { name: /Stop recording \((?!0:00)/ }).click();
  await page.getByText("Ready:").waitFor();
  must((await page.getByText("Ready:").locator("..").textContent()).includes(".wav"), "it is no WAV file");
});

await check("queue", async () => {
  await open("/queue");
  await page.getByText("Nothing waits.").waitFor();
  await look("queue");
});

await check("speak: a text is said and shown", async () => {
  await open("/speak");
  await page.getByLabel("Text", { exact: false }).first().fill("The run ended, and every word of it was kept.");
  await page.getByRole("button", { name: "Speak" }).click();
  await page.getByText("10 words").waitFor({ timeout: 2 * patience });
  await page.getByLabel("What was said").evaluate((audio) => {
    audio.loop = true;
    return audio.play();
  });
  await page.locator("mark").first().waitFor();
  await look("speak");
});

await check("experiments", async () => {
  await open("/experiments");
  await page.getByText("No experiment yet.").waitFor();
  await look("experiments");
});

await check("models", async () => {
  await open("/models");
  await page.getByText("whisper-tiny.en").first().waitFor();
  await look("models");
});

await check("health", async () => {
  await open("/health");
  await page.getByText(/The lab is (healthy|ready|degraded)/).waitFor();
  await look("health");
});

await check("metrics", async () => {
  await open("/metrics");
  await page.getByText("modellab_http_requests_total").first().waitFor();
  await look("metrics");
});

await check("a run that is not there says so, with a request id to copy", async () => {
  await open("/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV");
  await page.getByRole("button", { name: "Copy request id" }).first().waitFor();
  await look("run-missing");
});

await check("keyboard: the first key skips to the content", async () => {
  await open("/models");
  await page.getByText("whisper-tiny.en").first().waitFor();
  await page.reload();
  await page.getByText("whisper-tiny.en").first().waitFor();
  await page.keyboard.press("Tab");
  must((await page.evaluate(() => document.activeElement?.textContent)) === "Skip to the content", "it does not");
});

await check("offline is told, and what was there stays", async () => {
  await open("/runs");
  await page.getByRole("link", { name: "sample.wav" }).first().waitFor();
  await context.setOffline(true);
  await page.getByText("The server cannot be reached. What you see may be old").waitFor();
  must((await page.getByRole("link", { name: "sample.wav" }).count()) > 0, "the list is gone");
  await page.screenshot({ path: join(out, "offline.png"), fullPage: true });
  errors.length = 0;
  await context.setOffline(false);
  await page.getByText("The server cannot be reached. What you see may be old").waitFor({ state: "hidden" });
});

await end();
