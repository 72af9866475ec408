/* Live transcription: Chromium's microphone says the sample, the server's text comes back while it is said. */
import { begin, check, end, look, must, open, page, patience } from "./kit.mjs";

page.on("dialog", (dialog) => dialog.accept()); // "leave the page?"
const said = page.getByRole("list", { name: "What was said" });
const lines = async () => (await said.textContent()).toLowerCase();

await begin("live: nothing was said yet", async () => {
  await open("/live");
  await page.getByText("Nothing was said yet.").waitFor();
  await look("live-empty");
});

await begin("live: what is said comes with its time; how far behind it is", async () => {
  await page.getByLabel("Model").selectOption("whisper-tiny.en");
  await page.getByRole("button", { name: "Start listening" }).click();
  await page.getByText("Listening", { exact: true }).waitFor();
  await said
    .getByText(/hello/i)
    .first()
    .waitFor({ timeout: 3 * patience });
  await page.getByText(/text \d+\.\d s behind/).waitFor();
  must(/^0:\d\d\.\d$/.test(await said.locator("li span").first().textContent()), "it has no time");
  await look("live");
});

await check("live: a pause sends nothing, and it goes on", async () => {
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused", { exact: true }).waitFor();
  const heard = page.getByRole("heading", { level: 2 }).first();
  const before = await heard.textContent();
  // Two more parts of sound would have come by then.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1500)));
  const length = (text) => /[\d.]+ (s|min.*?) heard/.exec(text)[0];
  must(length(await heard.textContent()) === length(before), "it goes on hearing");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.waitForFunction((old) => !document.querySelector("h2")?.textContent.includes(old), length(before));
});

await check("live: stopped, it is a run", async () => {
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("Ended", { exact: true }).waitFor();
  await page.reload();
  await page.getByText("Ended", { exact: true }).waitFor();
  must((await lines()).includes("hello"), "a reload loses what was said");
  await look("live-ended");
  await page.getByRole("link", { name: "Open the run" }).click();
  await page.getByText("COMPLETED", { exact: true }).first().waitFor();
  must(/hello/i.test(await page.getByRole("region", { name: "Segments" }).textContent()), "the run has other words");
  await look("live-run");
});

await check("live: a reload in the middle is told, and what was said is still there", async () => {
  await open("/live");
  await page.getByRole("button", { name: "Start anew" }).click();
  await said
    .getByText(/hello/i)
    .first()
    .waitFor({ timeout: 3 * patience });
  await page.reload();
  await page.getByText("Cut off", { exact: true }).waitFor();
  must((await lines()).includes("hello"), "what was said is lost");
  await look("live-cut");
});

await check("live: text in grey is what may still change", async () => {
  // Whether there is time for it depends on the machine, so the server's messages are played here (docs/live.md).
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    socket.send(JSON.stringify({ type: "ready", run_id: "R", model: "whisper-tiny.en", rate: 16000, format: "pcm16" }));
    const piece = { index: 0, start: 1.2, end: 3, delay_seconds: 0.4, text: "The run ended" };
    socket.send(
      JSON.stringify({ type: "final", ...piece, segments: [{ id: 0, start: 1.2, end: 3, text: piece.text }] }),
    );
    socket.send(
      JSON.stringify({ type: "partial", index: 1, start: 3.4, end: 5, delay_seconds: 0.7, text: "and every wo" }),
    );
  });
  await open("/runs");
  await open("/live");
  await page.getByRole("button", { name: "Start anew" }).click();
  await page.getByLabel("Being said").getByText("and every wo").waitFor();
  await page.getByText("text 0.7 s behind").waitFor();
  await look("live-partial");
});

await end();
