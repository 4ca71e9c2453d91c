// Fetches files from a list, each checked against its hash. On the page for what the page itself needs, in a worker of its
// own (fetcher.mjs) for what Python needs.

const CHUNK_RETRY = { cache: "reload" }; // what lies in the HTTP cache may be half a file

function failure(kind, message) {
  return Object.assign(new Error(message), { kind });
}

/** The sha256 of a file's content, as an `integrity` attribute has it. */
export async function digestOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}

/** The body, read in pieces so that progress can be shown. */
async function read(response, size, count) {
  const bytes = new Uint8Array(size);
  let done = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done: ended, value } = await reader.read();
    if (ended) break;
    if (done + value.length > size) throw failure("bad_file", "it is longer than it should be");
    bytes.set(value, done);
    done += value.length;
    count(value.length);
  }
  if (done !== size) throw failure("bad_file", `it ends after ${done} of ${size} bytes`);
  return bytes;
}

async function verify(bytes, integrity) {
  if (!globalThis.crypto?.subtle) return; // not over plain HTTP from another machine; there fetch() checks the hash
  if ((await digestOf(bytes)) !== integrity)
    throw failure("bad_file", "its content is not the one this page was built with");
}

/** Takes a broken copy out of the service worker's cache, which the browser may read without asking the service worker. */
async function forget(url) {
  try {
    for (const name of await caches.keys()) await (await caches.open(name)).delete(url);
  } catch {
    /* there are none here */
  }
}

export class Fetching extends EventTarget {
  #known;
  #started = new Map();
  #counted = new Map();

  /** @param {object[]} list what may be fetched: {name, when, coding, url, integrity, bytes, size} */
  constructor(list) {
    super();
    this.#known = new Map(list.map((file) => [file.name, file]));
  }

  /** Starts fetching everything that is needed at one of these times. */
  begin(...times) {
    this.#counted.clear();
    for (const file of this.#known.values()) if (times.includes(file.when)) this.fetch(file.name);
  }

  /** Fetches a file, once until it is taken. */
  fetch(name) {
    if (!this.#started.has(name)) {
      const promise = this.#load(name);
      promise.catch(() => {
        /* whoever takes it hears of it */
      });
      this.#started.set(name, promise);
    }
    return this.#started.get(name);
  }

  /** Fetches a file and hands it out; the next who wants it fetches it again (out of the browser's cache). */
  async take(name) {
    try {
      return { ...this.#known.get(name), bytes: (await this.fetch(name)).buffer };
    } finally {
      this.#started.delete(name);
    }
  }

  async #load(name) {
    const file = this.#known.get(name);
    if (!file) throw failure("missing", `This page has no file ${name}.`);
    try {
      return await this.#attempt(file, {});
    } catch (error) {
      if (error.kind !== "bad_file") throw error;
      await forget(file.url);
      return this.#attempt(file, CHUNK_RETRY).catch((again) => {
        throw failure(again.kind, `${name} could not be used: ${again.message}. Reload the page.`);
      });
    }
  }

  async #attempt(file, options) {
    const { name, url, bytes: size, integrity } = file;
    const priority = ["page", "start"].includes(file.when) ? "auto" : "low";
    const counted = { done: 0, size };
    this.#counted.set(name, counted);
    const checked = globalThis.crypto?.subtle ? {} : { integrity };
    const response = await fetch(url, { priority, ...checked, ...options }).catch(() => {
      throw failure("missing", `${name} could not be loaded. Is there a connection?`);
    });
    if (!response.ok) throw failure("missing", `${name} could not be loaded (HTTP ${response.status}).`);
    const bytes = await read(response, size, (more) => this.#count(counted, more));
    await verify(bytes, integrity);
    return bytes;
  }

  #count(counted, more) {
    counted.done += more;
    const all = [...this.#counted.values()];
    const sum = (key) => all.reduce((total, file) => total + file[key], 0);
    this.dispatchEvent(new CustomEvent("progress", { detail: { done: sum("done"), total: sum("size") } }));
  }
}
