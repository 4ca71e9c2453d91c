// The worker that fetches what Python needs, so that neither the page's thread nor Python's worker has to: the first is
// busy with the first view, the second has no network. Files arrive checked and leave decoded.
import { decode } from "./decode.mjs";
import { Fetching } from "./fetching.mjs";
import { Kept } from "./kept.mjs";

const kept = new Kept();
const ready = new Map(); // what is needed first is decoded before anybody asks
let fetching = null;
let first = [];
const asked = Promise.withResolvers(); // by Python's worker, which is begun when the first view is on screen

async function decoded(name) {
  const { bytes, coding, size } = await fetching.take(name);
  return decode(name, bytes, coding, size);
}

function prepare(file, before) {
  const promise = kept.read(file).then(async (copy) => {
    if (copy) return copy;
    await before;
    return decoded(file.name);
  });
  promise.catch(() => {
    /* whoever asks hears of it */
  });
  ready.set(file.name, promise);
  return promise;
}

async function begin(list, mode) {
  fetching = new Fetching(list);
  fetching.addEventListener("progress", ({ detail }) => self.postMessage(detail));
  first = list.filter(({ when }) => when === "start" || when === mode);
  const small = first.filter(({ when }) => when === "start").map((file) => prepare(file));
  // Decoding the large ones takes a processor for long: not while the first view or Pyodide itself could use it.
  const time = Promise.all([asked.promise, Promise.allSettled(small)]);
  for (const file of first.filter(({ when }) => when === mode)) prepare(file, time);
  if (!(await kept.some())) fetching.begin("start", mode);
}

async function answer(port, name) {
  try {
    const promise = ready.get(name) ?? decoded(name);
    ready.delete(name);
    const bytes = await promise;
    port.postMessage({ name, bytes }, [bytes]);
  } catch ({ kind, message }) {
    port.postMessage({ name, error: { kind, message } });
  }
}

/**
 * The first message is the list and the way of starting; the next ones bring ports at which files are asked for, or a
 * port that is told when all of them are kept for the next visit.
 */
self.onmessage = ({ data }) => {
  if (data.list) begin(data.list, data.mode);
  else if (data.port) {
    data.port.onmessage = ({ data: name }) => answer(data.port, name);
    asked.resolve();
  } else
    kept
      .write(
        first.filter(({ coding }) => coding),
        decoded,
      )
      .then(() => data.kept.postMessage(null));
};
