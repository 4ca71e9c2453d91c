// Runs before the first paint: the theme, the module loader that Panel's components ask for, and the start of everything
// that takes long: fetching Python's files and starting its worker. The page (page.mjs) goes on with what began here.
import "./theme.mjs";
import { Client } from "./client.mjs";
import { Files, startMode } from "./files.mjs";

// Panel loads its components through es-module-shims, whose feature test is an inline script, which our content
// security policy forbids. The Material bundle is self-contained, so the browser's own import() does.
function installModuleLoader() {
  window.importShim = (url) => import(new URL(url, document.baseURI).href);
  window.importShim.addImportMap = () => {};
}

const AT_MOST_MS = 500; // that the scripts wait for Python's worker

installModuleLoader();
const files = new Files(document.querySelectorAll("link[rel=playground-file]"));
const client = new Client(files);

/** Starts the worker and asks Python to start; the answer says how it went. */
function begin(query, mode = startMode(query, navigator.connection)) {
  files.begin(mode);
  client.open();
  const { env, lock } = JSON.parse(document.querySelector("meta[name=playground-setup]").content);
  const setup = { env, lock, snapshot: mode === "snapshot", image: files.about("snapshot")?.image ?? 0 };
  const started = client.request("start", { setup, options: { query } });
  started.catch(() => { /* the page shows it */ });
  return started;
}

/** Runs the page's other scripts, in the order in which the head lists them. */
function runScripts() {
  for (const { href, integrity, crossOrigin, dataset } of document.querySelectorAll("link[data-run]")) {
    const script = Object.assign(document.createElement("script"), { src: href, async: false, integrity, crossOrigin });
    if (dataset.run) script.type = dataset.run;
    document.head.append(script);
  }
}

/**
 * On a first visit the page's own thread comes first: Python would take the other processor, and half of the cache, from
 * it, so it is started when the first view is on screen. Whoever comes again has everything at hand and comes to work:
 * then Python's worker is made before the scripts keep this thread busy.
 */
function beginPage() {
  files.beginPage();
  const again = navigator.serviceWorker?.controller;
  window.playgroundStart = { files, client, begin, started: again ? begin(location.search) : null };
  if (again) Promise.race([client.made, new Promise((done) => { setTimeout(done, AT_MOST_MS); })]).then(runScripts);
  else runScripts();
}

beginPage();
performance.mark("early");
