// The page: shows documents, connects them with Python when it is there, and turns what the visitor does into requests.
// What takes long was begun by early.mjs, before any of this could run.
import { currentTheme, setTheme } from "./bind.mjs";
import { installPad } from "./pad.mjs";
import { installPrompt } from "./prompt.mjs";
import { installCalibration } from "./calibration.mjs";
import { installSizes } from "./sizes.mjs";
import { installExport } from "./export.mjs";
import { installApi } from "./api.mjs";
import { Boot } from "./boot.mjs";
import { Life } from "./life.mjs";
import { NotAdmitted } from "./admit.mjs";
import { toast } from "./toast.mjs";
import { currentFastPath, followSettings } from "./fastpath/page.mjs";
import { Views } from "./views.mjs";
import { installGallery } from "./gallery.mjs";
import { installUpdates } from "./updates.mjs";
import { $, filesOf } from "./dom.mjs";

/**
 * @import { Failure, Started, State } from "./types/messages"
 * @import { Action, Given } from "./types/page"
 */

const { files, client } = window.playgroundStart;
const boot = new Boot();
const views = new Views({ client, files, onFirst: beginPython });
/** @type {Given} */
const given = { model: null, calibration: null, images: null, recipe: null };
/**
 * @param {string} text
 * @param {Action} [action]
 */
const say = (text, action) => toast(text, "bad", action);
const life = new Life({ start: window.playgroundStart, views, boot, given, say, finish });
const embedded = document.body.classList.contains("embed");
/** @type {State | null} */
let state = null;
window.playgroundStart.fastPath = currentFastPath;

/** The first view is on screen. */
function beginPython() {
  window.playgroundStart.started ??= window.playgroundStart.begin(location.search);
}

const tabs = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[role=tab]"));
const viewOf = (/** @type {string | undefined} */ name) => document.getElementById(`view-${name}`);

/** @param {string} name */
function showTab(name) {
  for (const tab of tabs) {
    const selected = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    viewOf(tab.dataset.view)?.toggleAttribute("hidden", !selected);
  }
}

/** @param {string} name */
async function selectView(name) {
  showTab(name);
  await api.ready;
  if (state?.settings.view !== name) await client.request("set", { changes: { view: name } });
  await views.open(name, stateNow().settings);
}

/** Python's state; there is one as soon as it answers. */
const stateNow = () => /** @type {State} */ (state);

/**
 * What Python says the settings are, as far as the address bar shows them: a reload sends that to the host.
 * @param {State} next
 */
function addressOf(next) {
  const query = new URLSearchParams(next.query);
  for (const key of [...query.keys()]) if (!(key in next.settings) && key !== "v") query.delete(key);
  if (next.settings.model === "upload" || given.model)
    for (const key of ["model", "tensor", "exclude", "formats"]) query.delete(key);
  return query;
}

/** @param {State} next */
function onState(next) {
  state = next;
  followSettings(next.settings);
  for (const problem of next.problems ?? []) toast(problem, "bad");
  next.problems = [];
  const url = new URL(location.href);
  const kept = [...url.searchParams].filter(([key]) => ["theme", "snapshot"].includes(key));
  const extra = new URLSearchParams(kept).toString();
  const query = addressOf(next);
  history.replaceState(null, "", `?${query}${extra ? `&${extra}` : ""}${url.hash}`);
  $("whole")?.setAttribute("href", `index.html?${query}`);
  dispatchEvent(new CustomEvent("playground-state", { detail: next }));
}

/**
 * What comes after every start: the state, and the view that is on screen.
 * @param {Started} result
 */
async function finish(result) {
  onState((await client.request("state")).result);
  if (!embedded) {
    const { settings } = stateNow();
    showTab(settings.view);
    await views.open(settings.view, settings);
  }
  boot.end(result);
}

/** @param {string} reason */
function restart(reason) {
  return life.begin(state, reason).catch((/** @type {Failure} */ error) => {
    boot.fail(error);
    throw error;
  });
}

/** @param {string} reason */
function onStopped(reason) {
  if (life.alive) api.restart(reason); // else its start fails, which is reported there
}

/**
 * Ends a Python that is not to be trusted any more. The next one does not get the model that was open.
 * @param {Error} error
 */
function distrust(error) {
  Object.assign(given, { model: null, calibration: null, images: null, recipe: null });
  client.close(error.message);
}

/**
 * One sentence for a person, whatever was thrown.
 * @param {Failure} error
 */
function complain(error) {
  if (error?.kind === "cancelled") return;
  if (error instanceof NotAdmitted) {
    distrust(error);
    return;
  }
  toast(error?.message ?? String(error), "bad");
  if (error?.detail) console.error(error.detail);
}

/** @param {File[]} files of one model, mostly one */
async function openFiles(files) {
  await api.ready;
  const { result } = await client.request("load", { files });
  Object.assign(given, { model: files, calibration: null, images: null });
  toast(`${result.name}: ${result.tensors.length} tensors, ${result.summary}`);
  return result;
}

function installTabs() {
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => selectView(tab.dataset.view ?? "").catch(complain));
    tab.addEventListener("keydown", ({ key }) => {
      const step = Number(key === "ArrowRight") - Number(key === "ArrowLeft");
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
}

function installFiles() {
  const input = $("open");
  input.addEventListener("change", () => {
    const files = filesOf(input);
    if (files.length) openFiles(files).catch(complain);
  });
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) {
      depth += 1;
      $("drop").hidden = false;
    }
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) {
      depth -= 1;
      $("drop").hidden = depth > 0;
    }
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    $("drop").hidden = true;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) openFiles(files).catch(complain);
  });
}

function installBar() {
  $("theme")?.addEventListener("click", () => {
    setTheme(currentTheme() === "dark" ? "light" : "dark");
    views.repaint();
  });
  $("share")?.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    toast("The link to this page with these settings was copied.");
  });
  $("reset")?.addEventListener("click", () => api.reset().catch(complain));
  $("retry").addEventListener("click", () => {
    api.restart();
  });
}

files.addEventListener("progress", ({ detail }) => boot.progress(detail));
client.addEventListener("boot", ({ detail }) => boot.progress(detail));
client.addEventListener("patch", ({ detail }) => {
  try {
    views.get(detail.view)?.apply(detail);
  } catch (error) {
    complain(/** @type {Failure} */ (error));
  }
});
client.addEventListener("state", ({ detail }) => onState(detail.state));
client.addEventListener("problem", ({ detail }) => toast(detail.message, "bad"));
client.addEventListener("failed", ({ detail }) => complain(detail));
client.addEventListener("stopped", ({ detail }) => onStopped(detail));

const api = installApi({ client, restart, openFiles, getState: () => state });
installBar();
if (!embedded) {
  installTabs();
  installFiles();
  installGallery({
    client,
    complain,
    ready: () => api.ready,
    opened: () => Object.assign(given, { model: null, calibration: null, images: null }),
  });
  installPad({ client, complain, ready: () => api.ready });
  installPrompt({ client, complain, ready: () => api.ready });
  installCalibration({ client, complain, given, ready: () => api.ready });
  installSizes({ client, complain, ready: () => api.ready });
  installExport({ client, complain, given, ready: () => api.ready });
}
showTabOfQuery();
installUpdates({ embedded, ready: api.restart(), keep: () => files.keep() });

function showTabOfQuery() {
  const wanted = new URLSearchParams(location.search).get("view");
  if (!embedded && wanted && viewOf(wanted)) showTab(wanted);
}
