// The worker that fetches what Python needs, so that neither the page's thread nor Python's worker has to: the first is
// busy with the first view, the second has no network. Files arrive checked and leave decoded.
import { decode } from "./decode.mjs";
import { Fetching } from "./fetching.mjs";
import { Kept } from "./kept.mjs";

/** @import { FetchedFile, PageFile, ToFetcher } from "./types/messages" */

const worker = /** @type {DedicatedWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const kept = new Kept();
/** @type {Map<string, Promise<ArrayBuffer>>} */
const ready = new Map(); // what is needed first is decoded before anybody asks
let fetching = new Fetching([]);
/** @type {PageFile[]} */
let first = [];
/** @type {PromiseWithResolvers<void>} */
const asked = Promise.withResolvers(); // by Python's worker, which is begun when the first view is on screen

/** @param {string} name */
async function decoded(name) {
  const { bytes, coding, size } = await fetching.take(name);
  return decode(name, bytes, coding, size);
}

/**
 * @param {PageFile} file
 * @param {Promise<unknown>} [before] what has to be over before it is decoded
 */
function prepare(file, before) {
  const promise = kept.read(file).then(async (copy) => {
    if (copy) return copy;
    await before;
    return decoded(file.name);
  });
  promise.catch(() => {
    /* the request for the file reports the error */
  });
  ready.set(file.name, promise);
  return promise;
}

/**
 * @param {PageFile[]} list
 * @param {string} mode the way of starting
 */
async function begin(list, mode) {
  fetching = new Fetching(list);
  fetching.addEventListener("progress", ({ detail }) => worker.postMessage(detail));
  first = list.filter(({ when }) => when === "start" || when === mode);
  const small = first.filter(({ when }) => when === "start").map((file) => prepare(file));
  // Decoding the large ones takes a processor for long: not while the first view or Pyodide itself could use it.
  const time = Promise.all([asked.promise, Promise.allSettled(small)]);
  for (const file of first.filter(({ when }) => when === mode)) prepare(file, time);
  if (!(await kept.some())) fetching.begin("start", mode);
}

/**
 * @param {MessagePort} port
 * @param {string} name
 */
async function answer(port, name) {
  /** @type {(file: FetchedFile, transfer?: Transferable[]) => void} */
  const post = (file, transfer = []) => port.postMessage(file, transfer);
  try {
    const promise = ready.get(name) ?? decoded(name);
    ready.delete(name);
    const bytes = await promise;
    post({ name, bytes }, [bytes]);
  } catch (error) {
    const { kind, message } = /** @type {Required<FetchedFile>["error"]} */ (error);
    post({ name, error: { kind, message } });
  }
}

/**
 * The first message is the list and the way of starting; the next ones bring ports at which files are asked for, or a
 * port that is told when all of them are kept for the next visit.
 * @param {MessageEvent<ToFetcher>} message
 */
worker.onmessage = ({ data }) => {
  if (data.list) {
    begin(data.list, data.mode);
  } else if (data.port) {
    const { port } = data;
    port.onmessage = ({ data: name }) => answer(port, name);
    asked.resolve();
  } else {
    const packed = first.filter(({ coding }) => coding);
    kept.write(packed, decoded).then(() => data.kept.postMessage(null));
  }
};
