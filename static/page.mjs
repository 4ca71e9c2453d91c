// The page: shows documents, connects them with Python when it is there, and turns what the visitor does into requests.
// What takes long was begun by early.mjs, before any of this could run.
import { currentTheme, setTheme } from "./bind.mjs";
import { installPad } from "./pad.mjs";
import { installPrompt } from "./prompt.mjs";
import { installCalibration } from "./calibration.mjs";
import { installExport } from "./export.mjs";
import { installApi } from "./api.mjs";
import { Boot } from "./boot.mjs";
import { Life } from "./life.mjs";
import { toast } from "./toast.mjs";
import { currentFastPath, followSettings } from "./fastpath/page.mjs";
import { Views } from "./views.mjs";
import { installGallery } from "./gallery.mjs";
import { installUpdates } from "./updates.mjs";

const $ = (id) => document.getElementById(id);
const { files, client } = window.playgroundStart;
const boot = new Boot();
const views = new Views({ client, files, onFirst: beginPython });
const given = { model: null, calibration: null, images: null, recipe: null };
const say = (text, action) => toast(text, "bad", action);
const life = new Life({ start: window.playgroundStart, views, boot, given, say, finish });
const embedded = document.body.classList.contains("embed");
let state = null;
window.playgroundStart.fastPath = currentFastPath;

/** The first view is on screen. */
function beginPython() {
  window.playgroundStart.started ??= window.playgroundStart.begin(location.search);
}

function showTab(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const selected = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    $(`view-${tab.dataset.view}`).hidden = !selected;
  }
}

async function selectView(name) {
  showTab(name);
  await api.ready;
  if (state?.settings.view !== name) await client.request("set", { changes: { view: name } });
  await views.open(name, state.settings);
}

function onState(next) {
  state = next;
  followSettings(next.settings);
  for (const problem of next.problems ?? []) toast(problem, "bad");
  next.problems = [];
  const url = new URL(location.href);
  const kept = [...url.searchParams].filter(([key]) => ["theme", "snapshot"].includes(key));
  const extra = new URLSearchParams(kept).toString();
  const query = new URLSearchParams(next.query);
  if (next.settings.model === "upload") for (const key of ["model", "tensor"]) query.delete(key); // a reload would send them
  history.replaceState(null, "", `?${query}${extra ? `&${extra}` : ""}${url.hash}`);
  $("whole")?.setAttribute("href", `index.html?${query}`);
  dispatchEvent(new CustomEvent("playground-state", { detail: next }));
}

/** What comes after every start: the state, and the view that is on screen. */
async function finish(result) {
  onState((await client.request("state")).result);
  if (!embedded) {
    showTab(state.settings.view);
    await views.open(state.settings.view, state.settings);
  }
  boot.end(result);
}

function restart(reason) {
  return life.begin(state, reason).catch((error) => {
    boot.fail(error);
    throw error;
  });
}

function onStopped(reason) {
  if (life.alive) api.restart(reason); // else whoever is starting it hears of it by a refused request
}

/** One sentence for a person, whatever was thrown. */
function complain(error) {
  if (error?.kind === "cancelled") return;
  toast(error?.message ?? String(error), "bad");
  if (error?.detail) console.error(error.detail);
}

async function openFile(file) {
  await api.ready;
  const { result } = await client.request("load", { files: [file] });
  Object.assign(given, { model: file, calibration: null, images: null });
  toast(`${result.name}: ${result.tensors.length} tensors, ${result.summary}`);
  return result;
}

function installTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => selectView(tab.dataset.view).catch(complain));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });
}

function installFiles() {
  $("open").addEventListener("change", ({ target }) => {
    if (target.files[0]) openFile(target.files[0]).catch(complain);
    target.value = "";
  });
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
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
    if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]).catch(complain);
  });
}

function installBar() {
  $("theme")?.addEventListener("click", () => {
    setTheme(currentTheme() === "dark" ? "light" : "dark");
    views.repaint();
  });
  $("share")?.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    toast("The link to this page with these settings is on the clipboard.");
  });
  $("reset")?.addEventListener("click", () => api.reset().catch(complain));
  $("retry").addEventListener("click", () => {
    api.restart();
  });
}

files.addEventListener("progress", ({ detail }) => boot.progress(detail));
client.addEventListener("boot", ({ detail }) => boot.progress(detail));
client.addEventListener("patch", ({ detail }) => views.get(detail.view)?.apply(detail));
client.addEventListener("state", ({ detail }) => onState(detail.state));
client.addEventListener("problem", ({ detail }) => toast(detail.message, "bad"));
client.addEventListener("failed", ({ detail }) => complain(detail));
client.addEventListener("stopped", ({ detail }) => onStopped(detail));

const api = installApi({ client, restart, openFile, getState: () => state });
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
  installExport({ client, complain, given, ready: () => api.ready });
}
showTabOfQuery();
installUpdates({ embedded, ready: api.restart(), keep: () => files.keep() });

function showTabOfQuery() {
  const wanted = new URLSearchParams(location.search).get("view");
  if (!embedded && wanted && $(`view-${wanted}`)) showTab(wanted);
}
