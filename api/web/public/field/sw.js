// Opens the phone page without a network: the last page that was seen and the files it names. Everything else goes by.
const KEPT = "field-1";

async function renew() {
  const page = await fetch("./", { cache: "no-cache" });
  if (!page.ok) return;
  const text = await page.clone().text();
  const wanted = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((found) => new URL(found[1], self.registration.scope).href);
  const kept = await caches.open(KEPT);
  for (const one of wanted) if (!(await kept.match(one))) await kept.add(one);
  await kept.put(self.registration.scope, page);
  for (const one of await kept.keys()) if (one.url !== self.registration.scope && !wanted.includes(one.url)) await kept.delete(one);
}

async function answer(request) {
  const kept = await caches.open(KEPT);
  if (request.mode !== "navigate") return (await kept.match(request.url)) ?? fetch(request);
  const page = await kept.match(self.registration.scope);
  if (!page) return fetch(request);
  // A network that hangs is as good as none.
  const late = new Promise((done) => setTimeout(done, 4000));
  const fresh = await Promise.race([fetch(request).catch(() => null), late]);
  return fresh?.ok || fresh?.redirected ? fresh : page;
}

self.addEventListener("install", (event) => event.waitUntil(renew().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => event.waitUntil(renew().catch(() => undefined)));
self.addEventListener("fetch", (event) => {
  const request = event.request;
  const here = request.mode === "navigate" || /\/assets\/[^/]+$/.test(request.url);
  if (request.method === "GET" && here) event.respondWith(answer(request));
});
