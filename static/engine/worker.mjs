// The worker that holds Python. It is started from a blob in the hidden frame, whose content security policy leaves
// it no network, and takes everything from itself that it does not need (confine.mjs, which has to come first): all files
// come from the page's fetcher. It starts Pyodide, from the memory snapshot where that works, and hands every message to
// playground.app.backend. There is no Python source in here and no numerics.
import { holdLock, moduleAddress } from "./confine.mjs";
import { Files } from "./files.mjs";
import { ortCreate } from "./ort.mjs";
import { LIBRARIES, SITE_PACKAGES, libraryFile, startPyodide } from "./runtime.mjs";

/**
 * @import { Backend, EngineScope, Pyodide, Snapshot, StartModule } from "../types/engine"
 * @import { Failure, FromWorker, Requests, Setup, Started } from "../types/messages"
 */

const SERVED = ["pyodide.asm.wasm", "python_stdlib.zip", ...LIBRARIES.map(libraryFile)];
const INDEX = "https://engine.invalid/"; // never asked: the served fetch looks at the end of an address only
const worker = /** @type {EngineScope} */ (self);
/** @type {MessagePort | null} */
let port = null;
/** @type {Backend | null} */
let backend = null;
/** @type {Packages | null} */
let packages = null;

/**
 * @param {FromWorker} message
 * @param {Transferable[]} transfer
 */
const tell = (message, transfer = []) => port?.postMessage(message, transfer);
const files = new Files();
worker.fetch = files.fetch(SERVED);

/** @type {Record<string, number>} */
const times = {};
/**
 * Runs one stage of the start, says so, and keeps how long it took.
 * @template T
 * @param {string} name
 * @param {() => T | Promise<T>} work
 */
async function stage(name, work) {
  tell({ kind: "boot", stage: name });
  const began = performance.now();
  const result = await work();
  times[name] = Math.round(performance.now() - began);
  return result;
}

/**
 * @param {Setup} setup
 * @param {Snapshot} [snapshot]
 */
async function loadPyodide({ env, lock }, snapshot) {
  const { default: createModule } = await import(moduleAddress(await files.get("pyodide.asm.mjs")));
  const locate = (/** @type {string} */ library) => INDEX + libraryFile(library);
  const failing = files.failing();
  const started = startPyodide({ createModule, indexURL: INDEX, env, lock, locate, snapshot });
  return Promise.race([started, failing]);
}

/**
 * @param {Setup} setup
 * @returns {Snapshot}
 */
const snapshotOf = ({ image }) => ({
  length: image,
  packed: () => files.get("snapshot").catch(() => files.get("snapshot-gzip")), // the coding that every browser reads
});

/**
 * @param {Pyodide} pyodide
 * @param {string} archive
 */
async function unpackInto(pyodide, archive) {
  pyodide.unpackArchive(await files.get(archive), "zip", { extractDir: SITE_PACKAGES });
  pyodide._api.importlib.invalidate_caches();
}

/**
 * Imported modules are in the snapshot; what they read at run time is not.
 * @param {Setup} setup
 */
async function startFromSnapshot(setup) {
  const pyodide = await stage("Restoring Python", () => loadPyodide(setup, snapshotOf(setup)));
  await stage("Unpacking the data", () => unpackInto(pyodide, "data.zip"));
  return pyodide;
}

/** @param {Setup} setup */
async function startPlainly(setup) {
  const pyodide = await stage("Loading Python", () => loadPyodide(setup));
  await stage("Unpacking the packages", () => unpackInto(pyodide, "packages.zip"));
  await stage("Importing the packages", () => pyodide.pyimport("playground.app.panel_import").import_panel());
  await stage("Building the first view", () => pyodide.pyimport("playground.app.start").freeze());
  return pyodide;
}

/**
 * @param {Requests["start"]["content"]} content
 * @returns {Promise<Started>}
 */
async function start({ setup, options }) {
  /** @type {Pyodide | null} */
  let pyodide = null;
  let trouble = "";
  if (setup.snapshot) {
    try {
      pyodide = await startFromSnapshot(setup);
    } catch (error) {
      trouble = messageOf(error);
    }
  }
  const restored = pyodide !== null;
  const python = pyodide ?? (await startPlainly(setup));
  worker.pyodide = python; // so that tests (and a console) can run Python where the page runs it
  worker.playgroundHost = { ortCreate: (bytes) => ortCreate(bytes, files), file: (name) => files.get(name) };
  python._api.on_fatal = (error) => tell({ kind: "dying", reason: `Python has crashed (${messageOf(error)})` });
  /** @type {StartModule} */
  const module = python.pyimport("playground.app.start");
  packages = restored ? new Packages(python, module.frozen_model()) : null;
  await packages?.before("set", { changes: Object.fromEntries(new URLSearchParams(options.query)) });
  const entry = await stage("Starting the playground", () => module.start(post, JSON.stringify(options)));
  backend = entry;
  return { times, restored, trouble, document: entry.document };
}

const IDLE_MS = 1500;
// What the first view needs. Its advice is in the snapshot, that of others is not.
const WITHOUT_PACKAGES = new Set(["state", "gallery", "set", "patch", "reset", "cancel", "forget_steps"]);
const FIRST_VIEW = "tensor";

/** After a start from the snapshot the packages are unpacked when nothing happens, or before a request may import any. */
class Packages {
  #pyodide;
  #model;
  #timer = 0;
  /** @type {Promise<void> | null} */
  #done = null;

  /**
   * @param {Pyodide} pyodide
   * @param {string} model the one in the snapshot: another one has operators whose files are not in it
   */
  constructor(pyodide, model) {
    this.#pyodide = pyodide;
    this.#model = model;
    this.#wait();
  }

  /**
   * Resolves when a request can be handled.
   * @param {string} kind
   * @param {{ changes?: { model?: unknown }, view?: unknown }} content
   */
  before(kind, { changes: { model = this.#model } = {}, view }) {
    const held = WITHOUT_PACKAGES.has(kind) || (kind === "advice" && view === FIRST_VIEW);
    if (!held || model !== this.#model) return this.unpacked();
    if (!this.#done) this.#wait();
    return null;
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        this.unpacked().catch(() => {
          /* tried again when a request needs them */
        }),
      IDLE_MS,
    );
  }

  unpacked() {
    clearTimeout(this.#timer);
    this.#done ??= unpackInto(this.#pyodide, "packages.zip").catch((error) => {
      this.#done = null;
      throw error;
    });
    return this.#done;
  }
}

/**
 * What Python calls to speak to the page: a JSON text, and buffers that it may refer to.
 * @param {string} text
 * @param {Iterable<Uint8Array>} [buffers]
 */
function post(text, buffers) {
  const views = buffers ? Array.from(buffers).filter(ArrayBuffer.isView) : []; // nothing but memory is given away
  const held = views.map(({ buffer }) => /** @type {ArrayBuffer} */ (buffer));
  tell({ ...JSON.parse(text), buffers: held }, held);
}

const messageOf = (/** @type {unknown} */ error) =>
  String(/** @type {Partial<Error> | undefined} */ (error)?.message ?? error);

/**
 * @param {unknown} error
 * @returns {Failure}
 */
function describe(error) {
  const text = messageOf(error);
  const lines = text.trim().split("\n");
  const { kind = "internal" } = /** @type {{ kind?: string }} */ (error ?? {});
  return { kind, message: lines[lines.length - 1], detail: text };
}

/** @param {MessageEvent} message a request of the page */
async function receive({ data }) {
  const { id, kind, files: given, ...content } = data;
  try {
    if (kind === "start") {
      tell({ kind: "answer", id, result: await start(content), buffers: [] });
    } else if (!backend) {
      throw Object.assign(new Error("Python is still starting"), { kind: "worker" });
    } else {
      await packages?.before(kind, content);
      await backend.handle(id, kind, JSON.stringify(content), given ?? []);
    }
  } catch (error) {
    tell({ kind: "answer", id, error: describe(error), buffers: [] });
  }
}

/**
 * The first message brings the ports to the page and to its fetcher, and a lock's name: the page gets the lock when this
 * worker has ended. Where there are no locks, it notices only that an answer is owed.
 */
/** @param {MessageEvent} event */
function begin({ data, ports }) {
  port = ports[0];
  files.connect(ports[1]);
  port.onmessage = receive;
  holdLock(data.lock, (locked) => tell({ kind: "alive", locked })); // not before: the page could get the lock first
}

worker.addEventListener("message", begin, { once: true });
