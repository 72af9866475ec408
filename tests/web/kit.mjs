/* What the checks in the browser share: Chromium with a microphone that says a file, checks, looks, axe. Each script is called with
 *   URL FOLDER_OF_TOOLS BROWSER SAMPLE.wav NO_AUDIO.webm OUT [KEY] */
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

export const [url, tools, browserPath, sample, webm, out, key] = process.argv.slice(2);
const require = createRequire(join(tools, "package.json"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const patience = 60_000;
const script = basename(process.argv[1], ".mjs");
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
export const context = await browser.newContext({
  viewport: { width: 1280, height: 900 },
  permissions: ["microphone"],
});
export const page = await context.newPage();
page.setDefaultTimeout(patience);
export const errors = [];
page.on("pageerror", (error) => errors.push(`page: ${error.message}`));
page.on("console", (message) => {
  // What a page asks for and gets refused is shown to people; the browser tells of it as well.
  if (message.type() === "error" && !message.text().includes("Failed to load resource")) errors.push(message.text());
});

let failed = 0;
/* Nothing behind a failure of these can be right. */
export async function begin(name, work) {
  await check(name, work);
  if (failed > 0) process.exit(1);
}
export async function check(name, work) {
  try {
    await work();
    if (errors.length > 0) throw new Error(`the console says: ${errors.splice(0).join(" | ")}`);
    console.log(`ok: ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED: ${name}: ${error.message.slice(0, 1500)}`);
    await page.screenshot({
      path: join(out, `failed-${script}-${failed}.png`),
      fullPage: true,
    });
    errors.length = 0;
  }
}
export function must(condition, what) {
  if (!condition) throw new Error(what);
}
export const open = (path) => page.goto(`${url}/#${path}`);
export const theme = (name) => page.evaluate((t) => (document.documentElement.dataset.theme = t), name);

export async function axe(name) {
  // A button that fades in or out has colours of its own for a moment.
  await page.waitForFunction(() =>
    document
      .getAnimations()
      .every((a) => a.playState !== "running" || a.effect?.getComputedTiming().iterations === Infinity),
  );
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  const bad = violations.map(
    (v) =>
      `${v.id} (${v.impact}): ${v.nodes
        .map((n) => n.target.join(" "))
        .slice(0, 3)
        .join(", ")}`,
  );
  must(bad.length === 0, `axe on ${name}: ${bad.join("; ")}`);
}

/* Asks pages.py for what a browser cannot do ("stop" and "start" of the server), and waits until it is done. */
export async function ask(wish) {
  const answer = new Promise((resolve) => process.stdin.once("data", resolve));
  console.log(`@${wish}`);
  await answer;
}

/* A page in its three looks. */
export async function look(name) {
  for (const mode of ["light", "dark"]) {
    await theme(mode);
    await page.screenshot({
      path: join(out, `${name}-${mode}.png`),
      fullPage: true,
    });
    await axe(`${name}, ${mode}`);
  }
  await theme("light");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({
    path: join(out, `${name}-phone.png`),
    fullPage: true,
  });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.setViewportSize({ width: 1280, height: 900 });
  must(wide <= 0, `${name} is ${wide} px wider than a phone`);
}

export async function end() {
  await browser.close();
  console.log(failed === 0 ? "all is well" : `${failed} checks failed`);
  process.exit(failed === 0 ? 0 : 1);
}
