// The service worker: keeps a release for use without a network, and never mixes two. Bundled with workbox by the build.
//
// Every address but those of the pages changes with its content, so two releases live in one cache side by side. A new
// release is fetched in the background and waits until a visitor asks for it; files of an older one stay until no tab
// shows it (each tab holds a lock named after its release). What is read from the cache is checked first.
import { PrecacheController, PrecacheRoute } from "workbox-precaching";
import { registerRoute } from "workbox-routing";
import { files, release } from "release-files";

const HASHED = /-[0-9a-f]{10}(\/|\.json$)/;
const PYTHONS = "python-*/*"; // by far the largest, and checked by whoever fetches them (fetching.mjs)
const here = self.registration.scope;
const expected = new Map(files.map(({ url, integrity }) => [new URL(url, here).href, integrity]));
const sound = new Set(); // what was checked since this service worker was started
const plainUrl = (address) => address.split(/[?#]/)[0];

async function isSound(url, response) {
  const integrity = expected.get(url);
  if (!integrity) return true;
  const digest = await crypto.subtle.digest("SHA-384", await response.arrayBuffer());
  const found = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return integrity === `sha384-${found}`;
}

const checked = {
  /** A broken copy counts as missing: workbox then fetches, and repairs what it can. */
  async cachedResponseWillBeUsed({ request, cachedResponse }) {
    const url = plainUrl(request.url);
    if (!cachedResponse || sound.has(url)) return cachedResponse;
    const cache = await caches.open(controller.strategy.cacheName);
    const copy = await cache.match(request);
    if (copy && (await isSound(url, copy).catch(() => false))) {
      sound.add(url);
      return cachedResponse;
    }
    await cache.delete(request);
    return null;
  },

  /** While a host is being updated, a page may come from another release than this list. It is not kept then. */
  async cacheWillUpdate({ request, response }) {
    return response.ok && (await isSound(plainUrl(request.url), response.clone())) ? response : null;
  },

  /** Keeping a copy may fail (a full disk); the page still gets its file. */
  async handlerDidError({ request, event }) {
    if (event.type === "install") return null;
    return fetch(request.mode === "navigate" ? request : new Request(request, { cache: "reload" }));
  },
};

const controller = new PrecacheController({ plugins: [checked] });
// The pages are checked by the plugin alone: were one lost, the host's newer page would do as well.
controller.addToCacheList(
  files.map(({ url, revision, integrity }) => (revision ? { url, revision } : { url, revision, integrity })),
);
registerRoute(new PrecacheRoute(controller, { ignoreURLParametersMatching: [/./], directoryIndex: "index.html" }));

// A file of an older release, for a tab that still shows it.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && HASHED.test(url.pathname),
  async ({ request }) => {
    const cache = await caches.open(controller.strategy.cacheName);
    return (await cache.match(request.url)) ?? fetch(request);
  },
);

async function tell(message) {
  for (const client of await self.clients.matchAll({ includeUncontrolled: true, type: "window" }))
    client.postMessage(message);
}

async function onFailedInstall(error) {
  const full = error?.name === "QuotaExceededError";
  // Half a copy is of no use where there is no room for the whole; elsewhere the next visit goes on from here.
  if (full && !self.registration.active) await caches.delete(controller.strategy.cacheName);
  await tell({ kind: "not-kept", full, update: Boolean(self.registration.active) });
}

/** Fetches again what is missing, and forgets older releases that no tab shows. */
async function tidy(event) {
  const cache = await caches.open(controller.strategy.cacheName);
  const present = new Set((await cache.keys()).map((request) => request.url));
  for (const [url, key] of controller.getURLsToCacheKeys()) {
    if (present.has(key)) continue;
    const response = await fetch(url, { cache: "no-cache" });
    if (response.ok && (await isSound(url, response.clone()))) await cache.put(key, response);
  }
  const { held } = await navigator.locks.query();
  const shown = held.map(({ name }) => name).filter((name) => name.startsWith(`${here}#`));
  if (shown.every((name) => name === `${here}#${release}`)) await controller.activate(event);
}

/** Where the browser can, it reads Python's files from the cache without asking us: this thread would be in the way. */
function route(event) {
  const urlPattern = new URLPattern({ pathname: new URL(PYTHONS, here).pathname });
  event.addRoutes({ condition: { urlPattern }, source: { cacheName: controller.strategy.cacheName } }).catch(() => {
    /* then they come through us */
  });
}

self.addEventListener("install", (event) => {
  if (event.addRoutes) route(event);
  controller.install(event).catch(onFailedInstall);
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("message", (event) => {
  if (event.data?.kind === "update") event.waitUntil(self.skipWaiting());
  if (event.data?.kind === "tidy")
    event.waitUntil(tidy(event).catch(() => tell({ kind: "not-kept", full: false, update: false })));
});
