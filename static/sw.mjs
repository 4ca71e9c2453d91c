// The service worker: keeps a release for use without a network, and never mixes two. Bundled with workbox by the build.
//
// Every address but those of the pages changes with its content, so two releases live in one cache side by side. A new
// release is fetched in the background and waits until a visitor asks for it; files of an older one stay until no tab
// shows it (each tab holds a lock named after its release). What is read from the cache is checked each time: other code of
// this origin can write into it.
import { PrecacheController, PrecacheRoute } from "workbox-precaching";
import { registerRoute } from "workbox-routing";
import { files, release } from "release-files";

/** @import { WorkboxPlugin } from "workbox-core" */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const HASHED = /-[0-9a-f]{10}(\/|\.json$)/;
const PYTHONS = "python-*/*"; // by far the largest, and checked where they are fetched (fetching.mjs)
const here = worker.registration.scope;
const expected = new Map(files.map(({ url, integrity }) => [new URL(url, here).href, integrity]));
const plainUrl = (/** @type {string} */ address) => address.split(/[?#]/)[0];

/** What a kept reply may say beside its content: a copy that somebody else wrote could send the page elsewhere. */
const HEADERS = [
  "access-control-allow-origin",
  "content-security-policy",
  "content-type",
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "permissions-policy",
  "referrer-policy",
  "x-content-type-options",
];

/**
 * Whether these are the bytes that this release has at an address.
 * @param {string} url
 * @param {ArrayBuffer} bytes
 */
async function isSound(url, bytes) {
  const digest = await crypto.subtle.digest("SHA-384", bytes);
  return expected.get(url) === `sha384-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}

/**
 * A reply of the very bytes that were checked.
 * @param {ArrayBuffer} bytes
 * @param {Response} reply
 */
function remade(bytes, { headers }) {
  const kept = new Headers();
  for (const name of HEADERS) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  return new Response(bytes, { headers: kept });
}

/** @type {WorkboxPlugin} */
const checked = {
  /** A broken copy counts as missing: workbox then fetches, and repairs what it can. */
  async cachedResponseWillBeUsed({ request, cachedResponse }) {
    if (!cachedResponse) return null;
    const bytes = await cachedResponse.arrayBuffer().catch(() => null);
    if (bytes && (await isSound(plainUrl(request.url), bytes))) return remade(bytes, cachedResponse);
    const cache = await caches.open(controller.strategy.cacheName);
    await cache.delete(request);
    return null;
  },

  /** While a host is being updated, a page may come from another release than this list. It is not kept then. */
  async cacheWillUpdate({ request, response }) {
    return response.ok && (await isSound(plainUrl(request.url), await response.clone().arrayBuffer()))
      ? response
      : null;
  },

  /** Keeping a copy may fail (a full disk); the page still gets its file. */
  async handlerDidError({ request, event }) {
    if (event.type === "install") return undefined;
    return fetch(request.mode === "navigate" ? request : new Request(request, { cache: "reload" }));
  },
};

const controller = new PrecacheController({ plugins: [checked] });
// The pages are checked by the plugin alone: were one lost, the host's newer page would do as well.
controller.addToCacheList(
  files.map(({ url, revision, integrity }) => (revision ? { url, revision } : { url, revision, integrity })),
);
registerRoute(new PrecacheRoute(controller, { ignoreURLParametersMatching: [/./], directoryIndex: "index.html" }));

// A file of an older release, for a tab that still shows it: that page states the hashes of its scripts and of Python's files.
// Such an address is never a page: what lies there has not been checked here.
registerRoute(
  ({ url, sameOrigin, request }) =>
    sameOrigin && HASHED.test(url.pathname) && ["cors", "same-origin"].includes(request.mode),
  async ({ request }) => {
    const cache = await caches.open(controller.strategy.cacheName);
    return (await cache.match(request.url)) ?? fetch(request);
  },
);

/** @param {{ kind: "not-kept", full: boolean, update: boolean }} message */
async function tell(message) {
  for (const client of await worker.clients.matchAll({ includeUncontrolled: true, type: "window" }))
    client.postMessage(message);
}

/** @param {unknown} error */
async function onFailedInstall(error) {
  const full = /** @type {Partial<Error> | undefined} */ (error)?.name === "QuotaExceededError";
  // Half a copy is of no use where there is no room for the whole; elsewhere the next visit goes on from here.
  if (full && !worker.registration.active) await caches.delete(controller.strategy.cacheName);
  await tell({ kind: "not-kept", full, update: Boolean(worker.registration.active) });
}

/**
 * Fetches again what is missing, and forgets older releases that no tab shows.
 * @param {ExtendableEvent} event
 */
async function tidy(event) {
  const cache = await caches.open(controller.strategy.cacheName);
  const present = new Set((await cache.keys()).map((request) => request.url));
  for (const [url, key] of controller.getURLsToCacheKeys()) {
    if (present.has(key)) continue;
    const response = await fetch(url, { cache: "no-cache" });
    if (response.ok && (await isSound(url, await response.clone().arrayBuffer()))) await cache.put(key, response);
  }
  const { held = [] } = await navigator.locks.query();
  const shown = held.map(({ name = "" }) => name).filter((name) => name.startsWith(`${here}#`));
  if (shown.every((name) => name === `${here}#${release}`)) await controller.activate(event);
}

/** @typedef {ExtendableEvent & { addRoutes?: (rules: object) => Promise<void> }} InstallEvent Chromium's has `addRoutes` */

/**
 * Where the browser can, it reads Python's files from the cache without asking us: this thread would be in the way. Only
 * for fetch(), whose caller checks them: as a page nothing is read unchecked.
 * @param {(rules: object) => Promise<void>} addRoutes
 */
function route(addRoutes) {
  const urlPattern = new URLPattern({ pathname: new URL(PYTHONS, here).pathname });
  const condition = { urlPattern, requestMode: "cors" };
  addRoutes({ condition, source: { cacheName: controller.strategy.cacheName } }).catch(() => {
    /* then they come through us */
  });
}

worker.addEventListener("install", (/** @type {InstallEvent} */ event) => {
  if (event.addRoutes) route(event.addRoutes.bind(event));
  controller.install(event).catch(onFailedInstall);
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(worker.clients.claim());
});

worker.addEventListener("message", (event) => {
  if (event.data?.kind === "update") event.waitUntil(worker.skipWaiting());
  if (event.data?.kind === "tidy")
    event.waitUntil(tidy(event).catch(() => tell({ kind: "not-kept", full: false, update: false })));
});
