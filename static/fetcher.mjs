// The worker that fetches what Python needs, so that neither the page's thread nor Python's worker has to: the first is
// busy with the first view, the second has no network. Files arrive checked and leave decoded.
import { decode } from "./decode.mjs";
import { Fetching } from "./fetching.mjs";

let fetching = null;
const ready = new Map(); // what is needed first is decoded before anybody asks

async function decoded(name) {
  const { bytes, coding, size } = await fetching.take(name);
  return decode(name, bytes, coding, size);
}

function prepare(name, before) {
  const promise = before.then(() => decoded(name));
  promise.catch(() => { /* whoever asks hears of it */ });
  ready.set(name, promise);
  return promise;
}

function begin(list, mode) {
  fetching = new Fetching(list);
  fetching.addEventListener("progress", ({ detail }) => self.postMessage(detail));
  fetching.begin("start", mode);
  const names = (when) => list.filter((file) => file.when === when).map(({ name }) => name);
  const small = names("start").map((name) => prepare(name, Promise.resolve()));
  // Decoding the large ones takes this thread for long: not while Pyodide itself is waiting to be decoded.
  for (const name of names(mode)) prepare(name, Promise.allSettled(small));
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

/** The first message is the list and the way of starting; the next ones bring ports at which files are asked for. */
self.onmessage = ({ data }) => {
  if (data.list) begin(data.list, data.mode);
  else data.port.onmessage = ({ data: name }) => answer(data.port, name);
};
