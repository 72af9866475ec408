/* A service worker that gives requests for sound the key of their page: an audio element sends no headers, and so can have
 * ranges of a file all the same. It keeps nothing: the key is asked of the page each time, and never stands in an address. */
/* global self, clients */
const sound = /^\/api\/v1\/runs\/[0-9A-Z]{26}\/(audio|artifacts\/[^/]+)$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

/* A page that does not answer in a second has no key to give: its sound is asked for without one. */
async function keyOf(clientId) {
  const client = await clients.get(clientId);
  if (client === undefined) return "";
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const late = setTimeout(() => resolve(""), 1000);
    port1.onmessage = (event) => {
      clearTimeout(late);
      resolve(String(event.data));
    };
    client.postMessage("modellab.key", [port2]);
  });
}

async function withKey(request, clientId) {
  const headers = new Headers(request.headers); // `Range` among them
  const key = await keyOf(clientId);
  if (key !== "") headers.set("Authorization", `Bearer ${key}`);
  return fetch(request.url, { headers, mode: "same-origin", credentials: "omit", redirect: "error", signal: request.signal });
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || request.destination !== "audio") return;
  if (url.origin !== self.location.origin || !sound.test(url.pathname)) return;
  event.respondWith(withKey(request, event.clientId));
});
