// Use without a network, and new releases: registers the service worker once the page is usable, offers an update, and
// says when the network is gone. Where there are no service workers (a sandboxed frame, file:, closed storage) it does nothing.
import { $, keepFocus } from "./dom.mjs";
import { toast } from "./toast.mjs";

/** @typedef {() => Promise<void>} Keep keeps what makes the next start faster */

const CHECK_MS = 60 * 60 * 1000;
const NO_ROOM =
  "The browser has no storage left to keep the playground for use without a network. Free some, then reload the page.";
const NOT_KEPT = "The playground could not be stored for use without a network. Reload the page to try again.";
let asked = false;

/** The browser's service workers, or nothing: the mere question throws in a sandboxed frame. */
function container() {
  try {
    return window.isSecureContext && location.protocol.startsWith("http") ? navigator.serviceWorker : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Says which release this tab shows, as long as it is open: the service worker keeps its files.
 * @param {string} scope
 */
function hold(scope) {
  const { release } = document.documentElement.dataset;
  navigator.locks?.request(`${scope}#${release}`, { mode: "shared" }, () => new Promise(() => {})).catch(() => {});
}

/**
 * The quiet bar with a new release. It stays until it is answered.
 * @param {() => void} update
 */
function offer(update) {
  const bar = $("update");
  if (!bar?.hidden) return;
  /**
   * @param {"update-now" | "update-later"} id
   * @param {() => void} work
   */
  const button = (id, work) => {
    $(id).onclick = () => {
      bar.hidden = true;
      keepFocus($("views"));
      work();
    };
  };
  button("update-now", update);
  button("update-later", () => {});
  bar.hidden = false;
}

/**
 * @param {ServiceWorkerContainer} workers
 * @param {ServiceWorkerRegistration} registration
 * @param {Keep} keep
 */
function watch(workers, registration, keep) {
  const reload = () => location.reload();
  const ask = () =>
    offer(() => {
      asked = true;
      if (registration.waiting) registration.waiting.postMessage({ kind: "update" });
      else reload(); // another tab has done it since
    });
  const follow = (/** @type {ServiceWorker | null} */ worker) =>
    worker?.addEventListener("statechange", () => {
      if (worker.state === "installed" && registration.active) ask();
      if (worker.state === "activated") note(registration, keep);
    });
  if (registration.waiting && registration.active) ask();
  follow(registration.installing);
  registration.addEventListener("updatefound", () => follow(registration.installing));
  let controlled = Boolean(workers.controller);
  workers.addEventListener("controllerchange", () => {
    if (asked) reload();
    else if (controlled) offer(reload); // another tab took the update; this one still shows its own release
    controlled = true;
  });
}

/**
 * Leaves a mark that everything is kept (style sheets and tests read it).
 * @param {ServiceWorkerRegistration} registration
 * @param {Keep} keep
 */
async function note(registration, keep) {
  if (!registration.active) return;
  await keep();
  document.documentElement.dataset.offline = "ready";
}

/** @param {MessageEvent} message of the service worker */
function complain({ data }) {
  if (data?.kind !== "not-kept") return;
  document.documentElement.dataset.offline = "no";
  try {
    if (sessionStorage.getItem("not-kept")) return; // once a visit is enough
    sessionStorage.setItem("not-kept", "1");
  } catch {
    /* closed storage: say it again */
  }
  toast(data.full ? NO_ROOM : NOT_KEPT, "bad");
}

/** @param {ServiceWorkerRegistration} registration */
function lookForUpdates(registration) {
  let last = performance.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || performance.now() - last < CHECK_MS) return;
    last = performance.now();
    registration.update().catch(() => {
      /* without a network there is nothing new */
    });
  });
}

/**
 * @param {{embedded: boolean, ready: Promise<void>, keep: Keep}} page `ready`: when nothing may compete with the start any
 *   more.
 *   An embedded page uses what is kept, but keeps nothing itself: a reader of someone's page did not ask for that.
 */
export async function installUpdates({ embedded, ready, keep }) {
  const workers = container();
  if (!workers) return;
  try {
    hold(new URL("./", document.baseURI).href);
    addEventListener("offline", () =>
      toast(
        document.documentElement.dataset.offline === "ready"
          ? "No network. Everything continues to work."
          : "No network. What is loaded continues to work.",
      ),
    );
    if (embedded) return;
    workers.addEventListener("message", complain);
    await ready;
    const saving = navigator.connection?.saveData && !workers.controller;
    if (saving) return; // it would fetch what this visit does not need
    const registration = await workers.register(new URL("sw.js", document.baseURI), { updateViaCache: "none" });
    watch(workers, registration, keep);
    note(registration, keep);
    if (workers.controller && !registration.waiting) registration.active?.postMessage({ kind: "tidy" });
    lookForUpdates(registration);
  } catch (error) {
    const { message } = /** @type {Error} */ (error); // closed storage, a proxy in between, ...
    console.info("use without a network is not available:", message);
  }
}
