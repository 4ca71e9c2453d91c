// Runs before the first paint: the theme, the module loader that Panel's components ask for, and fetching Python's files,
// which takes long. The page (page.mjs) goes on with what began here.
import "./theme.mjs";
import { sanitiseReport } from "./trusted.mjs";
import { Client } from "./client.mjs";
import { Files, startMode } from "./files.mjs";
import { followTabs } from "./tabs.mjs";

// Panel loads its components through es-module-shims, whose feature test is an inline script, which our content
// security policy forbids. The Material bundle is self-contained, so the browser's own import() does: of that bundle, and
// of the few lines that Panel writes around it, which it puts into a blob. No other address is loaded.
function installModuleLoader() {
  /** @type {HTMLLinkElement | null} */
  const bundle = document.querySelector("link[rel=modulepreload][href*=panel-material-ui]");
  const load = async (/** @type {string} */ asked) => {
    const { href, protocol } = new URL(asked, document.baseURI);
    if (href !== bundle?.href && protocol !== "blob:") throw new TypeError(`${href} is not a module of this page`);
    return import(href);
  };
  window.importShim = Object.assign(load, { addImportMap: () => {} });
}

/** What a link may name that is no setting. */
const BESIDES = new Set(["v", "version", "view", "theme", "snapshot"]);

/** The page's first sentence is about the settings that the build froze: where a link has others it is not to be seen. */
function noteLink() {
  const asks = [...new URLSearchParams(location.search).keys()].some((name) => !BESIDES.has(name));
  document.documentElement.toggleAttribute("data-asked", asks);
}

installModuleLoader();
noteLink();
/** @type {NodeListOf<HTMLLinkElement>} */
const links = document.querySelectorAll("link[rel=playground-file]");
const files = new Files(links);
const client = new Client(files);
const mode = startMode(location.search, navigator.connection);

/**
 * Starts the worker and asks Python to start; the answer says how it went.
 * @param {string} query
 */
function begin(query) {
  client.open();
  const listed = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=playground-setup]"));
  const { env, lock } = JSON.parse(listed.content);
  const setup = { env, lock, snapshot: mode === "snapshot", image: files.about("snapshot")?.image ?? 0 };
  const started = client.request("start", { setup, options: { query } });
  started.catch(() => {
    /* the page shows it */
  });
  return started;
}

// The files come and are decoded while the page's own thread makes the first view. The worker with Python is begun when
// that is on screen: before, it would take the time of one of two processors, and half of the cache, from it.
files.beginPage();
files.begin(mode);
client.prepare();
window.playgroundStart = { files, client, begin, sanitiseReport, started: null };
followTabs((view) => {
  window.playgroundStart.chosen = view;
});
performance.mark("early");
