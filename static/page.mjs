// The page: starts the worker, shows documents, and turns what the visitor does into requests.
import { Client } from "./client.mjs";
import { LiveDocument } from "./documents.mjs";
import { currentTheme, setTheme } from "./bind.mjs";
import { installHandles, installTable } from "./handles.mjs";
import { installPad } from "./pad.mjs";
import { installExport } from "./export.mjs";
import { installApi } from "./api.mjs";
import { Boot } from "./boot.mjs";
import { toast } from "./toast.mjs";
import { installUpdates } from "./updates.mjs";

const $ = (id) => document.getElementById(id);
const client = new Client();
const boot = new Boot();
const documents = new Map();
const embedded = document.body.classList.contains("embed");
let state = null;

/** Shows a view's document; it is built when the view is first opened. */
async function openView(name) {
  if (documents.has(name) || !document.getElementById(`view-${name}`)?.querySelector(".slot")) return;
  const live = new LiveDocument(client, name);
  documents.set(name, live);
  try {
    const { result } = await client.request("view", { view: name });
    await live.show(result);
    if (name === "tensor") installHandles(live.doc);
    if (name === "model") installTable(live.doc);
  } catch (error) {
    documents.delete(name);
    throw error;
  }
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
  await openView(name);
}

function onState(next) {
  state = next;
  for (const problem of next.problems ?? []) toast(problem, "bad");
  next.problems = [];
  const url = new URL(location.href);
  const kept = [...url.searchParams].filter(([key]) => ["theme", "snapshot"].includes(key));
  const extra = new URLSearchParams(kept).toString();
  history.replaceState(null, "", `?${next.query}${extra ? `&${extra}` : ""}${url.hash}`);
  $("whole")?.setAttribute("href", `index.html?${next.query}`);
  dispatchEvent(new CustomEvent("playground-state", { detail: next }));
}

/** Starts Python; resolves when the first view answers. */
async function start() {
  boot.begin();
  client.open();
  const manifest = await fetch($("manifest").href).then((response) => {
    if (!response.ok) throw new Error(`the list of files could not be loaded (HTTP ${response.status})`);
    return response.json();
  });
  const { result } = await client.request("start", { manifest, options: { query: location.search } });
  onState((await client.request("state")).result);
  boot.stage("Drawing");
  if (!embedded) showTab(state.settings.view);
  const first = performance.now();
  await openView("tensor");
  if (!embedded) await openView(state.settings.view);
  boot.end({ ...result.times, "Drawing the first view": Math.round(performance.now() - first) });
}

function restart() {
  documents.clear();
  Bokeh.documents.splice(0); // after a failed start nothing of it may be left
  return start().catch((error) => { boot.fail(error); throw error; });
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
  addEventListener("dragenter", (event) => { if (hasFiles(event)) { depth += 1; $("drop").hidden = false; } });
  addEventListener("dragleave", (event) => { if (hasFiles(event)) { depth -= 1; $("drop").hidden = depth > 0; } });
  addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
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
    for (const live of documents.values()) live.repaint();
  });
  $("share")?.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    toast("The link to this page with these settings is on the clipboard.");
  });
  $("reset")?.addEventListener("click", () => api.reset().catch(complain));
  $("retry").addEventListener("click", () => { api.restart(); });
}

client.addEventListener("boot", ({ detail }) => boot.progress(detail));
client.addEventListener("patch", ({ detail }) => documents.get(detail.view)?.apply(detail));
client.addEventListener("state", ({ detail }) => onState(detail.state));
client.addEventListener("problem", ({ detail }) => toast(detail.message, "bad"));
client.addEventListener("failed", ({ detail }) => complain(detail));
client.addEventListener("stopped", ({ detail }) => { if (api.started) boot.fail(new Error(detail)); });

const api = installApi({ client, restart, openFile, getState: () => state });
installBar();
if (!embedded) {
  installTabs();
  installFiles();
  installPad({ client, complain, ready: () => api.ready });
  installExport({ client, complain, ready: () => api.ready });
}
showTabOfQuery();
installUpdates({ embedded, ready: api.restart() });

function showTabOfQuery() {
  const wanted = new URLSearchParams(location.search).get("view");
  if (!embedded && wanted && $(`view-${wanted}`)) showTab(wanted);
}
