/* Drives the web client in Chromium against a running server: every page in light, dark and on a phone's width, with the
 * checks of axe, and what people do on them. Prints a line per check; the exit code tells.
 *   node drive.mjs URL FOLDER_OF_TOOLS BROWSER SAMPLE.wav NO_AUDIO.webm OUT */
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [url, tools, browserPath, sample, webm, out] = process.argv.slice(2);
const require = createRequire(join(tools, "package.json"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const patience = 60_000;
mkdirSync(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: browserPath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-audio-capture=${sample}`,
  ],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["microphone"] });
const page = await context.newPage();
page.setDefaultTimeout(patience);
const errors = [];
page.on("pageerror", (error) => errors.push(`page: ${error.message}`));
page.on("console", (message) => {
  // What a page asks for and gets refused is shown to people; the browser tells of it as well.
  if (message.type() === "error" && !message.text().includes("Failed to load resource")) errors.push(message.text());
});

let failed = 0;
/* Nothing behind a failure of these can be right. */
async function begin(name, work) {
  await check(name, work);
  if (failed > 0) process.exit(1);
}
async function check(name, work) {
  try {
    await work();
    if (errors.length > 0) throw new Error(`the console says: ${errors.splice(0).join(" | ")}`);
    console.log(`ok: ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED: ${name}: ${error.message.slice(0, 1500)}`);
    await page.screenshot({ path: join(out, `failed-${failed}.png`), fullPage: true });
    errors.length = 0;
  }
}
function must(condition, what) {
  if (!condition) throw new Error(what);
}
const open = (path) => page.goto(`${url}/#${path}`);
const theme = (name) => page.evaluate((t) => (document.documentElement.dataset.theme = t), name);

async function axe(name) {
  // A button that fades in or out has colours of its own for a moment.
  await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== "running" || a.effect?.getComputedTiming().iterations === Infinity));
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  const bad = violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(", ")}`);
  must(bad.length === 0, `axe on ${name}: ${bad.join("; ")}`);
}

/* A page in its three looks. */
async function look(name) {
  for (const mode of ["light", "dark"]) {
    await theme(mode);
    await page.screenshot({ path: join(out, `${name}-${mode}.png`), fullPage: true });
    await axe(`${name}, ${mode}`);
  }
  await theme("light");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: join(out, `${name}-phone.png`), fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.setViewportSize({ width: 1280, height: 900 });
  must(wide <= 0, `${name} is ${wide} px wider than a phone`);
}

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
  await page.getByText("run_completed").waitFor({ timeout: 5 * patience });
  await page.getByText("COMPLETED", { exact: true }).first().waitFor();
  await page.getByRole("heading", { name: "Transcript" }).waitFor();
});

await check("run: a reload loses nothing", async () => {
  await page.reload();
  await page.getByRole("heading", { name: "Transcript" }).waitFor();
  await page.getByRole("heading", { name: "Audio" }).waitFor();
  await page.getByText("/ 0:30.0").waitFor();
  await page.getByText("run_completed").waitFor();
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
  const all = await page.locator("[aria-label=Segments] > li").count();
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
  await page.getByText("run_completed").waitFor({ timeout: 5 * patience });
  await page.getByLabel("Compare with run").fill(first);
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

await browser.close();
console.log(failed === 0 ? "all pages are well" : `${failed} checks failed`);
process.exit(failed === 0 ? 0 : 1);
