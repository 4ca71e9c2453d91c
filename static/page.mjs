// The page: shows documents, connects them with Python when it is there, and turns what the visitor does into requests.
// What takes long was begun by early.mjs, before any of this could run.
import { currentTheme, onForcedColours, setTheme } from "./bind.mjs";
import { installPad } from "./pad.mjs";
import { installPrompt } from "./prompt.mjs";
import { installCalibration } from "./calibration.mjs";
import { installSizes } from "./sizes.mjs";
import { installExport } from "./export.mjs";
import { installApi } from "./api.mjs";
import { Boot } from "./boot.mjs";
import { Life } from "./life.mjs";
import { NotAdmitted } from "./admit.mjs";
import { failed, resolved, toast } from "./toast.mjs";
import { currentFastPath, followSettings } from "./fastpath/page.mjs";
import { Views } from "./views.mjs";
import { installGallery } from "./gallery.mjs";
import { installUpdates } from "./updates.mjs";
import { installAdvice } from "./advice.mjs";
import { installAnswers } from "./answers.mjs";
import { enter, followHistory, viewOfAddress, withView } from "./history.mjs";
import { Job } from "./job.mjs";
import { installOpened } from "./opened.mjs";
import { installSteps } from "./steps.mjs";
import { Uploads, watched } from "./uploads.mjs";
import { announceNumbers } from "./announce.mjs";
import { installComparison } from "./comparison.mjs";
import { installInventory } from "./inventory.mjs";
import { installMenu } from "./menu.mjs";
import { installPlotTable } from "./plots.mjs";
import { installSheets } from "./sheet.mjs";
import { installFiles } from "./dropping.mjs";
import { installTabs, showTab } from "./tabs.mjs";
import { $ } from "./dom.mjs";

/**
 * @import { Failure, Started, State } from "./types/messages"
 * @import { Action, Given } from "./types/page"
 */

const { files, client } = window.playgroundStart;
const boot = new Boot();
const views = new Views({ client, files, onFirst: beginPython });
/** The files opened so far, by the number that Python knows them by. @type {Map<number, File[]>} */
const opened = new Map();
const given = watched(/** @type {Given} */ ({ model: null, calibration: null, images: null, recipe: null }), () => {
  uploads?.follow();
});
/**
 * @param {string} text
 * @param {Action} [action]
 */
const say = (text, action) => toast(text, "bad", ...(action ? [action] : []));
/** Requests that the page makes by itself, or for a control. */
const SETTING = new Set(["set", "patch", "state", "view", "sync", "subject", "advice", "export"]);
const embedded = document.body.classList.contains("embed");
/** A page that embeds this one asked for no copies. */
const uploads = embedded
  ? null
  : new Uploads({ given, settings: () => state?.settings, changed: () => card?.showKept() });
const parts = { start: window.playgroundStart, views, boot, given, opened, say, finish, recall };
const life = new Life(parts);
/** @type {ReturnType<typeof installOpened> | null} */
let card = null;
/** The view that the visitor has chosen; empty: the one that the settings name. */
let chosen = window.playgroundStart.chosen ?? "";
/** @type {State | null} */
let state = null;
window.playgroundStart.fastPath = currentFastPath;

/** The first view is on screen. */
function beginPython() {
  window.playgroundStart.started ??= window.playgroundStart.begin(location.search);
}

/** @param {string} name */
async function selectView(name) {
  chosen = name;
  showTab(name);
  enter(name);
  await views.show(name);
  await api.ready;
  if (chosen !== name) return; // another one was chosen meanwhile
  if (state?.settings.view !== name) await client.request("set", { changes: { view: name } });
  dispatchEvent(new Event("playground-view"));
  await views.open(name, stateNow().settings);
}

/** The view that is on screen. */
const shownView = () => chosen || viewOfAddress();

/** What this tab had open before it was reloaded: it is opened again. */
async function recall() {
  const found = await uploads?.recall();
  if (!found) return null;
  if (!found.settings) {
    say(`${found.name} is no longer kept in this browser. Open it again.`);
    return null;
  }
  return found.settings;
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
  return chosen ? withView(query, chosen) : query;
}

/**
 * Undo leads back to another file: the one that a new Python would get.
 * @param {State} next
 */
function followFile({ settings, upload, calibration_name: samples }) {
  const model = opened.get(upload);
  if (!life.alive || settings.model !== "upload" || !model || model === given.model) return;
  Object.assign(given, { model, images: null, ...(samples ? {} : { calibration: null }) });
}

/** @param {State} next */
function onState(next) {
  if (state && (state.settings.model !== next.settings.model || state.upload !== next.upload)) resolved();
  state = next;
  followFile(next);
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
    const view = chosen || settings.view;
    showTab(view);
    await views.open(view, settings);
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
 * What takes away the sentence about a failure when it succeeds. Controls are set all the time, so that their next success
 * would take it away unread.
 * @param {Failure} [error]
 */
const aboutOf = (error) => (error?.about && !SETTING.has(error.about) ? error.about : undefined);

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
  failed(error?.message ?? String(error), aboutOf(error));
  if (error?.detail) console.error(error.detail);
}

/** @param {File[]} files of one model, mostly one */
async function openFiles(files) {
  await api.ready;
  const { result } = await client.request("load", { files });
  if (state) opened.set(state.upload, files);
  Object.assign(given, { model: files, calibration: null, images: null });
  card?.show(result);
  return result;
}

function installBar() {
  $("theme")?.addEventListener("click", () => {
    setTheme(currentTheme() === "dark" ? "light" : "dark");
    views.repaint();
  });
  onForcedColours(() => views.repaint());
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
client.addEventListener("succeeded", ({ detail }) => resolved(detail));
client.addEventListener("failed", ({ detail }) => complain(detail));
client.addEventListener("stopped", ({ detail }) => onStopped(detail));

const api = installApi({ client, restart, openFiles, getState: () => state });
installBar();
installPlotTable();
installSheets();
announceNumbers();
if (uploads) {
  const job = new Job({ client, complain });
  const part = { client, complain, ready: () => api.ready };
  installMenu();
  installInventory(part);
  installTabs((view) => selectView(view).catch(complain));
  const compare = installComparison({ ...part, job, select: selectView });
  const calibrate = installCalibration({ ...part, given });
  installFiles({ open: (chosen) => openFiles(chosen).catch(complain), compare, calibrate });
  followHistory((view) => {
    if (view !== shownView()) selectView(view).catch(complain);
  });
  card = installOpened({ uploads, select: selectView });
  installSteps(part);
  installAdvice({ ...part, shown: shownView, select: selectView });
  installGallery({
    client,
    complain,
    ready: () => api.ready,
    opened: () => Object.assign(given, { model: null, calibration: null, images: null }),
  });
  const pad = installPad({ ...part, job });
  installAnswers({ ...part, load: pad.load });
  installPrompt({ ...part, job });
  installSizes({ ...part, select: selectView });
  installExport({ ...part, given, job });
}
showFirst();
installUpdates({ embedded, ready: api.restart(), keep: () => files.keep() });

/** The view that was chosen while this script was on its way, else the one of the link. */
function showFirst() {
  if (chosen) {
    selectView(chosen).catch(complain);
    return;
  }
  const wanted = new URLSearchParams(location.search).get("view");
  if (embedded || !wanted || !document.getElementById(`view-${wanted}`)) return;
  showTab(wanted);
  views.show(wanted).catch(complain);
}
