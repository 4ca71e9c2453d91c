// What the page's fetcher has for Python's worker, by name. This worker has no network: a file is asked for at a port, and
// comes checked and decoded, or as the reason why it can not be had.

/** @import { FetchedFile } from "../types/messages" */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

export class Files {
  /** @type {Map<string, PromiseWithResolvers<Bytes>>} */
  #waiting = new Map();
  /** @type {MessagePort | null} */
  #port = null;
  /** @type {(reason: unknown) => void} */
  #fail = () => {};

  /**
   * Where files are asked for.
   * @param {MessagePort} port
   */
  connect(port) {
    this.#port = port;
    port.onmessage = ({ data }) => this.#put(data);
  }

  /** A promise that is rejected when a file that is fetched from now on cannot be had. */
  failing() {
    /** @type {PromiseWithResolvers<never>} */
    const { promise, reject } = Promise.withResolvers();
    promise.catch(() => {
      /* the request for the file reports the error */
    });
    this.#fail = reject;
    return promise;
  }

  /** @param {string} name */
  #entry(name) {
    const known = this.#waiting.get(name);
    if (known) return known;
    /** @type {PromiseWithResolvers<Bytes>} */
    const entry = Promise.withResolvers();
    entry.promise.catch(() => {
      /* the reader of the file reports the error */
    });
    this.#waiting.set(name, entry);
    return entry;
  }

  /** @param {FetchedFile} file */
  #put({ name, error, bytes }) {
    const { resolve, reject } = this.#entry(name);
    this.#waiting.delete(name); // handed out once; asked for again, it comes again
    if (bytes) resolve(new Uint8Array(bytes));
    else reject(Object.assign(new Error(error?.message), { kind: error?.kind }));
  }

  /**
   * A file's bytes as they were before the build compressed them. They are not kept.
   * @param {string} name
   */
  get(name) {
    if (!this.#waiting.has(name)) this.#port?.postMessage(name);
    return this.#entry(name).promise;
  }

  /**
   * What stands in for `fetch` in here: it serves what the page has sent, by the last part of the address, and no more.
   * Pyodide logs that a file is missing and then waits for ever, so the start waits for `failing` too.
   * @param {string[]} names what may be asked for
   * @returns {typeof fetch}
   */
  fetch(names) {
    return async (request) => {
      const address = typeof request === "object" && "url" in request ? request.url : String(request);
      const name = names.find((known) => address.endsWith(`/${known}`));
      if (!name) throw new TypeError("this page's Python has no network");
      const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
      const bytes = await this.get(name).catch((error) => {
        this.#fail(error);
        throw error;
      });
      return new Response(bytes, { headers: { "content-type": type } });
    };
  }
}
