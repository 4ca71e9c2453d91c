// window.playground: the same requests that the page's own controls make, as promises. Failures reject with {kind, message}.

/**
 * @import { Client } from "./client.mjs"
 * @import { Answer, Failure, Settings, State } from "./types/messages"
 * @import { Api } from "./types/page"
 */

/** @param {File | Blob | string | URL} given */
const asFile = async (given) => {
  if (given instanceof File) return given;
  if (given instanceof Blob) return new File([given], "model");
  const response = await fetch(given);
  if (!response.ok)
    throw Object.assign(new Error(`${given} could not be loaded (HTTP ${response.status})`), { kind: "missing" });
  return new File([await response.blob()], new URL(response.url).pathname.split("/").pop() ?? "");
};

/**
 * @param {object} parts
 * @param {Client} parts.client
 * @param {(reason: string) => Promise<void>} parts.restart
 * @param {(files: File[]) => Promise<Answer<"load">["result"]>} parts.openFiles
 * @param {() => State | null} parts.getState
 */
export function installApi({ client, restart, openFiles, getState }) {
  const events = new EventTarget();
  const refuse = (/** @type {Failure} */ error) => {
    throw { kind: error.kind ?? "internal", message: error.message ?? String(error) };
  };
  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  const after = (work) => api.ready.then(work).catch(refuse);
  /** @type {Api} */
  const api = {
    ready: new Promise(() => {}), // until `restart` is called
    started: false,
    get state() {
      return getState()?.settings;
    },
    setState: (changes) => after(async () => (await client.request("set", { changes })).result.settings),
    reset: () => after(async () => (await client.request("reset")).result.settings),
    load: (fileOrUrl) => after(async () => openFiles(await Promise.all([fileOrUrl].flat().map(asFile)))),
    quantize: () =>
      after(async () => {
        const { result, buffers } = await client.request("quantize");
        dispatchEvent(new CustomEvent("playground-quantized", { detail: { bytes: buffers[0], ...result } }));
        return { model: new Uint8Array(buffers[0]), report: result.report };
      }),
    run: (inputs) => after(async () => (await client.request("run", { inputs })).result.outputs),
    compare: (second, { rename = [] } = {}) =>
      after(async () => {
        const patterns = [rename].flat();
        const files = second === "quantized" ? null : await Promise.all([second].flat().map(asFile));
        const content = files
          ? /** @type {const} */ ({ second: "file", rename: patterns.join("\n"), files })
          : /** @type {const} */ ({ second: "quantized", rename: patterns.join("\n") });
        const { result } = await client.request("compare", content);
        dispatchEvent(new CustomEvent("playground-compared", { detail: { compared: result, files, patterns } }));
        return result.comparison;
      }),
    report: () => after(async () => (await client.request("report")).result),
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
    bootTimes: null,
    restart(reason = "Python was restarted") {
      api.started = false;
      api.ready = restart(reason).then(() => {
        api.started = true;
      });
      api.ready.catch(() => {
        /* the failure is on screen, with a Retry */
      });
      return api.ready;
    },
  };
  addEventListener("playground-state", ({ detail }) =>
    events.dispatchEvent(new CustomEvent("change", { detail: detail.settings })),
  );
  addEventListener("playground-booted", ({ detail }) => {
    api.bootTimes = detail;
  });
  window.playground = api;
  return api;
}
