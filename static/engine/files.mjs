// What the page has fetched for the worker, by name. The worker itself has no network: a file that has not come yet is
// asked for, and the page answers with its bytes or with the reason why there are none.
import { ZSTDDecoder } from "zstddec";

const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

async function gunzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let zstd = null;
async function unzstd(bytes, size) {
  if (!zstd) {
    const decoder = new ZSTDDecoder();
    zstd = decoder.init().then(() => decoder);
  }
  const decoded = (await zstd).decode(bytes, size);
  if (decoded.byteLength !== size) throw new Error(`${decoded.byteLength} bytes instead of ${size}`);
  return decoded;
}

export class Files {
  #waiting = new Map();
  #ask;
  #fail = () => {};

  /** A promise that is rejected when a file that is fetched from now on cannot be had. */
  failing() {
    const { promise, reject } = Promise.withResolvers();
    promise.catch(() => { /* whoever waits for it hears of it */ });
    this.#fail = reject;
    return promise;
  }

  /** @param {(name: string) => void} ask tells the page that a file is needed */
  constructor(ask) {
    this.#ask = ask;
  }

  #entry(name) {
    if (!this.#waiting.has(name)) {
      const entry = Promise.withResolvers();
      entry.promise.catch(() => { /* whoever gets it hears of it */ });
      this.#waiting.set(name, entry);
    }
    return this.#waiting.get(name);
  }

  /** Takes what the page has sent: {name, bytes, coding, size} or {name, error}. */
  put({ name, error, ...content }) {
    const { resolve, reject } = this.#entry(name);
    if (error) {
      this.#waiting.delete(name); // asked for again, it may come
      reject(Object.assign(new Error(error.message), { kind: error.kind }));
    } else {
      resolve(content);
    }
  }

  /**
   * A file's bytes as they were before the build compressed them. They are handed out once and not kept.
   * @returns {Promise<Uint8Array>}
   */
  async get(name) {
    this.#ask(name);
    const { bytes, coding, size } = await this.#entry(name).promise;
    this.#waiting.delete(name);
    try {
      if (coding === "zstd") return await unzstd(new Uint8Array(bytes), size);
      if (coding === "gzip") return await gunzip(new Uint8Array(bytes));
    } catch (error) {
      throw new Error(`${name} could not be unpacked (${error.message ?? error})`);
    }
    return new Uint8Array(bytes);
  }

  /** The address under which a module's text can be imported. */
  async module(name) {
    return URL.createObjectURL(new Blob([await this.get(name)], { type: "text/javascript" }));
  }

  /**
   * What stands in for `fetch` in here: it serves what the page has sent, by the last part of the address, and no more.
   * Pyodide logs that a file is missing and then waits for ever, so whoever starts it waits for `failing` too.
   * @param {string[]} names what may be asked for
   */
  fetch(names) {
    return async (request) => {
      const address = String(request?.url ?? request);
      if (address.startsWith("data:application/wasm;base64,")) {
        return new Response(fromBase64(address.slice(address.indexOf(",") + 1)));
      }
      const name = names.find((known) => address.endsWith(`/${known}`));
      if (!name) throw new TypeError("this page's Python has no network");
      const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
      const bytes = await this.get(name).catch((error) => { this.#fail(error); throw error; });
      return new Response(bytes, { headers: { "content-type": type } });
    };
  }
}
