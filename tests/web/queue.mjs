/* Runs that wait behind one that works until it is cancelled: places and reasons, priority, hold and release, cancelling several at once. */
import { readFileSync } from "node:fs";
import { begin, check, end, look, must, open, page, sample, url } from "./kit.mjs";

const names = ["first.wav", "second.wav", "third.wav", "fourth.wav"];
const api = `${url}/api/v1`;
const ids = {};
const status = async (name) => (await (await page.request.get(`${api}/runs/${ids[name]}/status`)).json()).status;
const until = async (sign, what) => {
  for (let tries = 0; tries < 1200; tries++) {
    if (await sign()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no sign: ${what}`);
};
const row = (name) => page.getByRole("listitem").filter({ has: page.getByRole("link", { name, exact: true }) });
const place = (name, number) => row(name).getByText(String(number), { exact: true });

await begin("one run works, three wait", async () => {
  for (const name of names) {
    const reply = await page.request.post(`${api}/runs`, {
      multipart: {
        request: JSON.stringify({ pipeline: "transcribe" }),
        file: { name, mimeType: "audio/wav", buffer: readFileSync(sample) },
      },
    });
    must(reply.status() === 202, `${name}: ${reply.status()} ${await reply.text()}`);
    ids[name] = (await reply.json()).run_id;
    if (name === names[0]) await until(async () => (await status(name)) === "RUNNING", "the first one works");
  }
});

await check("the queue: places, reasons, who goes first", async () => {
  await open("/queue");
  for (const [index, name] of names.slice(1).entries()) {
    await place(name, index + 1).waitFor();
    const reason = await row(name).locator("p").first().textContent();
    must(reason.length > 10, `no reason is told for ${name}: ${reason}`);
  }
  const order = await page.getByRole("listitem").getByRole("link").allTextContents();
  must(order.join() === names.slice(1).join(), `they stand as ${order.join()}`);
  await look("queue-waiting");
  await page.getByLabel("Priority of fourth.wav").selectOption("head");
  await place("fourth.wav", 1).waitFor();
  await place("second.wav", 2).waitFor();
});

await check("the queue: a run is held and released", async () => {
  await row("third.wav").getByRole("button", { name: "Hold" }).click();
  await row("third.wav").getByRole("button", { name: "Release" }).waitFor();
  await row("third.wav").getByText("held", { exact: false }).first().waitFor();
  await row("third.wav").getByRole("button", { name: "Release" }).click();
  await row("third.wav").getByRole("button", { name: "Hold" }).waitFor();
});

await check("the list: several are cancelled at once, others go on", async () => {
  await open("/runs");
  const button = page.getByRole("button", { name: "chosen" });
  must(await button.isDisabled(), "nothing is chosen, and all can be cancelled");
  for (const name of ["first.wav", "third.wav", "fourth.wav"]) await page.getByLabel(`Choose ${name}`).check();
  must((await button.textContent()).includes("Cancel 3"), `the button says ${await button.textContent()}`);
  await look("runs-chosen");
  await button.click();
  for (const name of ["first.wav", "third.wav", "fourth.wav"]) await until(async () => (await status(name)) === "CANCELLED", name);
  await until(async () => (await status("second.wav")) === "RUNNING", "the one that was not chosen has its turn");
  await page.locator('input[aria-label="Choose first.wav"]:disabled').waitFor(); // what has ended cannot be chosen
  await page.request.post(`${api}/runs/${ids["second.wav"]}/cancel`);
  await until(async () => (await status("second.wav")) === "CANCELLED", "second.wav");
});

await end();
