// Fetches files from a list, each checked against its hash. On the page for what the page itself needs, in a worker of its
// own (fetcher.mjs) for what Python needs.

import { Target } from "./events.mjs";

/** @import { Failure, Loading, PageFile } from "./types/messages" */

/** @type {RequestInit} */
const CHUNK_RETRY = { cache: "reload" }; // what lies in the HTTP cache may be half a file

const SANDBOXED =
  "This page stands in a sandboxed frame, to which its host has to give its files: by the header Access-Control-Allow-Origin: *.";

/**
 * @param {string | undefined} kind
 * @param {string} message
 */
function failure(kind, message) {
  return Object.assign(new Error(message), { kind });
}

/**
 * The sha256 of a file's content, as an `integrity` attribute has it.
 * @param {BufferSource} bytes
 */
export async function digestOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}

/**
 * The body, read in pieces so that progress can be shown.
 * @param {ReadableStream<Uint8Array>} body
 * @param {number} size what it has to have
 * @param {(more: number) => void} count
 */
async function read(body, size, count) {
  const bytes = new Uint8Array(size);
  let done = 0;
  for (const reader = body.getReader(); ; ) {
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

/**
 * @param {BufferSource} bytes
 * @param {string} integrity
 */
async function verify(bytes, integrity) {
  if (!globalThis.crypto?.subtle) return; // not over plain HTTP from another machine; there fetch() checks the hash
  if ((await digestOf(bytes)) !== integrity)
    throw failure("bad_file", "its content is not the one this page was built with");
}

/**
 * Takes a broken copy out of the service worker's cache, which the browser may read without asking the service worker.
 * @param {string} url
 */
async function forget(url) {
  try {
    for (const name of await caches.keys()) await (await caches.open(name)).delete(url);
  } catch {
    /* there are none here */
  }
}

/** @extends {Target<{progress: Loading}>} */
export class Fetching extends Target {
  #known;
  /** @type {Map<string, Promise<Uint8Array<ArrayBuffer>>>} */
  #started = new Map();
  /** @type {Map<string, { done: number, size: number }>} */
  #counted = new Map();

  /** @param {PageFile[]} list what may be fetched */
  constructor(list) {
    super();
    this.#known = new Map(list.map((file) => [file.name, file]));
  }

  /**
   * Starts fetching everything that is needed at one of these times.
   * @param {string[]} times
   */
  begin(...times) {
    this.#counted.clear();
    for (const file of this.#known.values()) if (times.includes(file.when)) this.fetch(file.name);
  }

  /**
   * Fetches a file, once until it is taken.
   * @param {string} name
   */
  fetch(name) {
    const begun = this.#started.get(name);
    if (begun) return begun;
    const promise = this.#load(name);
    promise.catch(() => {
      /* the reader of the file reports the error */
    });
    this.#started.set(name, promise);
    return promise;
  }

  /**
   * Fetches a file and hands it out; the next who wants it fetches it again (out of the browser's cache).
   * @param {string} name
   */
  async take(name) {
    try {
      const bytes = (await this.fetch(name)).buffer;
      return { .../** @type {PageFile} */ (this.#known.get(name)), bytes };
    } finally {
      this.#started.delete(name);
    }
  }

  /** @param {string} name */
  async #load(name) {
    const file = this.#known.get(name);
    if (!file) throw failure("missing", `${name} is not a file of this page. Reload the page.`);
    try {
      return await this.#attempt(file, {});
    } catch (error) {
      if (/** @type {Failure} */ (error).kind !== "bad_file") throw error;
      await forget(file.url);
      return this.#attempt(file, CHUNK_RETRY).catch((/** @type {Failure} */ again) => {
        throw failure(again.kind, `${name} could not be used: ${again.message}. Reload the page.`);
      });
    }
  }

  /**
   * @param {PageFile} file
   * @param {RequestInit} options
   */
  async #attempt(file, options) {
    const { name, url, bytes: size, integrity } = file;
    /** @type {RequestPriority} */
    const priority = ["page", "start"].includes(file.when) ? "auto" : "low";
    const counted = { done: 0, size };
    this.#counted.set(name, counted);
    const checked = globalThis.crypto?.subtle ? {} : { integrity };
    const response = await fetch(url, { priority, ...checked, ...options }).catch(() => {
      const why = self.origin === "null" ? SANDBOXED : "Check the connection.";
      throw failure("missing", `${name} could not be loaded. ${why}`);
    });
    if (!response.ok)
      throw failure("missing", `${name} could not be loaded (HTTP ${response.status}). Try again later.`);
    const body = /** @type {ReadableStream<Uint8Array>} */ (response.body);
    const bytes = await read(body, size, (more) => this.#count(counted, more));
    await verify(bytes, integrity);
    return bytes;
  }

  /**
   * @param {{ done: number, size: number }} counted
   * @param {number} more
   */
  #count(counted, more) {
    counted.done += more;
    const all = [...this.#counted.values()];
    const sum = (/** @type {"done" | "size"} */ key) => all.reduce((total, file) => total + file[key], 0);
    this.dispatchEvent(new CustomEvent("progress", { detail: { done: sum("done"), total: sum("size") } }));
  }
}
