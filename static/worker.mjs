// The module worker that holds Python. It starts Pyodide, unpacks the packages and hands every message to
// playground.app.backend. There is no Python source in here and no numerics.
import { loadPyodide } from "./pyodide/pyodide.mjs";
import { ortCreate } from "./ort.mjs";

const here = new URL("../", import.meta.url); // a release keeps its scripts in a folder of their own
const address = (path) => new URL(path, here).href;
const tell = (message, transfer) => postMessage(message, transfer ?? []);

/** Replaces fetch by one that reports how many of the expected bytes have come. */
function countFetches(expected) {
  const plain = self.fetch.bind(self);
  let done = 0;
  self.fetch = async (...request) => {
    const response = await plain(...request);
    if (!response.ok || !response.body) return response;
    const counted = response.body.pipeThrough(new TransformStream({
      transform(chunk, controller) {
        done += chunk.byteLength;
        tell({ kind: "boot", done: Math.min(done, expected), total: expected });
        controller.enqueue(chunk);
      },
    }));
    return new Response(counted, { status: response.status, headers: response.headers });
  };
  return plain;
}

async function fetchBytes(path) {
  const response = await fetch(address(path));
  if (!response.ok) throw new Error(`${path} could not be loaded (HTTP ${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}

const times = {};
/** Runs one stage of the start, says so, and keeps how long it took. */
async function stage(name, work) {
  tell({ kind: "boot", stage: name });
  const began = performance.now();
  const result = await work();
  times[name] = Math.round(performance.now() - began);
  return result;
}

let backend = null;

async function start({ manifest, options }) {
  const plainFetch = countFetches(manifest.boot.reduce((sum, file) => sum + file.size, 0));
  const packages = fetchBytes(manifest.python);
  const pyodide = await stage("Loading Python", () => loadPyodide({
    indexURL: address(manifest.roots.pyodide),
    packageBaseUrl: address(manifest.roots.wheels),
    env: {
      HOME: "/home/pyodide",
      PANEL_CDN_ROOT: `./${manifest.roots.pn}`,
      PANEL_MATERIAL_UI_CDN_ROOT: `./${manifest.roots.pmui}v`,
      BOKEH_RESOURCES: "cdn",
      PYTHONDONTWRITEBYTECODE: "1",
    },
  }));
  await stage("Loading NumPy", () => pyodide.loadPackage("numpy", { messageCallback: () => {} }));
  await stage("Unpacking the packages", async () =>
    pyodide.unpackArchive(await packages, "zip", { extractDir: "/lib/python3.14/site-packages" }));
  self.fetch = plainFetch;
  self.pyodide = pyodide; // so that tests (and a console) can run Python where the page runs it
  self.playgroundHost = { ortCreate };
  backend = await stage("Starting the playground", async () =>
    pyodide.pyimport("playground.app.start").start(post, JSON.stringify(options)));
  return { times };
}

/** What Python calls to speak to the page: a JSON text, and buffers that it may refer to. */
function post(text, buffers) {
  const held = buffers ? [...buffers].map((view) => view.buffer) : [];
  tell({ ...JSON.parse(text), buffers: held }, held);
}

function describe(error) {
  const text = String(error?.message ?? error);
  const lines = text.trim().split("\n");
  return { kind: error?.kind ?? "internal", message: lines[lines.length - 1], detail: text };
}

self.onmessage = async ({ data }) => {
  const { id, kind, files, ...content } = data;
  try {
    if (kind === "start") {
      tell({ kind: "answer", id, result: await start(content), buffers: [] });
    } else if (!backend) {
      throw Object.assign(new Error("Python is still starting"), { kind: "worker" });
    } else {
      await backend.handle(id, kind, JSON.stringify(content), files ?? []);
    }
  } catch (error) {
    tell({ kind: "answer", id, error: describe(error), buffers: [] });
  }
};
