/* A server that asks for keys: the first one, a wrong one, sound with one, one that is revoked in the middle, a restart. */
import { ask, begin, check, end, errors, key, look, must, open, page, patience, sample, url } from "./kit.mjs";

const [admin, first, second] = JSON.parse(key);
const dialog = page.getByRole("dialog", { name: "The server asks for a key" });
const give = async (secret) => {
  await dialog.getByLabel("API key").fill(secret);
  await dialog.getByRole("button", { name: "Use this key" }).click();
};

await begin("without a key the page asks for one, and tells that one is wrong", async () => {
  await open("/runs");
  await dialog.waitFor();
  await look("key-wanted");
  await give(`mlk_${"a".repeat(52)}`);
  await dialog.getByRole("alert").waitFor();
  await look("key-wrong");
  // A server that is busy says nothing of a key: it is not taken for a good one.
  const reply = { status: 503, body: '{"detail": "The server is busy now."}' };
  await page.route("**/api/v1/runs?limit=1", (route) => route.fulfill(reply));
  await give("mlk_mistyped");
  await dialog.getByText("The server is busy now.").waitFor({ timeout: patience / 4 });
  must((await page.evaluate(() => localStorage.getItem("modellab.key"))) === null, "the key is kept");
  await page.unroute("**/api/v1/runs?limit=1");
  await give(first.secret);
  await dialog.waitFor({ state: "hidden" });
  await page.getByText("No runs here.").waitFor();
});

await begin("with a key the sound of a run is fetched in ranges", async () => {
  await open("/new");
  await page.getByLabel("Audio file").setInputFiles(sample);
  await page.getByText("Ready:").waitFor();
  await page.getByLabel("Pipeline").selectOption("transcribe");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/#\/runs\/0/);
  await page.getByText("/ 0:30.0").waitFor({ timeout: 5 * patience });
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector("[aria-label=Position]").value >= 5);
  await page.keyboard.press(" ");
  await page.waitForFunction(() => document.querySelector("[aria-label=Position]").value >= 6);
  await page.keyboard.press(" ");
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
});

await check("a key that is revoked in the middle: the page stays, and goes on with another one", async () => {
  await open("/new");
  await page.getByLabel("Labels").fill("kept=yes");
  const gone = await page.request.delete(`${url}/api/v1/admin/keys/${first.id}`, {
    headers: { Authorization: `Bearer ${admin.secret}` },
  });
  must(gone.status() === 204, `revoking answers ${gone.status()}`);
  await page.getByLabel("Options of the steps, as JSON").fill('{"asr": {"beam_size": 2}}');
  await dialog.waitFor();
  await look("key-revoked");
  await give(second.secret);
  await dialog.waitFor({ state: "hidden" });
  must((await page.getByLabel("Labels").inputValue()) === "kept=yes", "what was typed is gone");
  await page.getByText("Steps: ").waitFor();
  must((await page.getByRole("alert").count()) === 0, "an error is left over");
});

await check("the server goes away and comes back: it is told, and the list goes on", async () => {
  await open("/runs");
  await page.getByText("live", { exact: true }).waitFor();
  await ask("stop");
  await page.getByText("The server cannot be reached.", { exact: false }).waitFor();
  must((await page.getByRole("link", { name: "sample.wav" }).count()) > 0, "the list is gone");
  await look("server-away");
  await ask("start");
  await page.getByText("The server is back.", { exact: false }).waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByRole("link", { name: "sample.wav" }).first().waitFor();
  errors.length = 0; // the browser's own words on connections that failed
});

await end();
