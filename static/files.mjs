// The files that the page and Python need, as index.html lists them: <link rel="playground-file" ...>. What Python needs
// is fetched, checked and decoded by a worker of its own, which hands it to Python's worker: that one has no network, and
// the page's thread is busy with the first view.
import { Target } from "./events.mjs";
import { Fetching } from "./fetching.mjs";
import { trustScript } from "./trusted.mjs";

/** @import { FilesEvents, PageFile, ToFetcher } from "./types/messages" */

const script = /** @type {HTMLScriptElement} */ (document.currentScript);
const FETCHER = trustScript(new URL("fetcher.js", script.src)); // in the same folder of a release as this script

/** A worker from an address has to be of the page's origin. A sandboxed page has none, so there a blob loads the script. */
function startFetcher() {
  const options = { name: "fetcher" };
  if (self.origin !== "null") return new Worker(FETCHER, options);
  const address = JSON.stringify(FETCHER);
  const text = `self.trustedTypes?.createPolicy("default", {createScriptURL: (asked) => (asked === ${address} ? asked : null)});
    importScripts(${address});`;
  return new Worker(trustScript(URL.createObjectURL(new Blob([text], { type: "text/javascript" }))), options);
}

/**
 * @param {Iterable<HTMLLinkElement>} links
 * @returns {PageFile[]}
 */
function listed(links) {
  return [...links].map((link) => {
    const { name = "", when = "", coding = "", bytes, size, image, content } = link.dataset;
    const numbers = { bytes: Number(bytes), size: Number(size), image: Number(image ?? 0) };
    const hashes = { integrity: link.integrity, content: content ?? link.integrity };
    return { name, when, coding, url: link.href, ...hashes, ...numbers };
  });
}

/** @extends {Target<FilesEvents>} */
export class Files extends Target {
  #list;
  #page;
  #mode = "";
  /** @type {Worker | null} */
  #fetcher = null;
  #fresh = false;
  #kept = () => {};

  /**
   * Reads the list from the document.
   * @param {Iterable<HTMLLinkElement>} links
   */
  constructor(links) {
    super();
    this.#list = listed(links);
    this.#page = new Fetching(this.#list.filter(({ when }) => when === "page"));
  }

  /**
   * What the list says of a file.
   * @param {string} name
   */
  about(name) {
    return this.#list.find((file) => file.name === name);
  }

  /** Starts fetching what the page itself needs. */
  beginPage() {
    this.#page.begin("page");
  }

  /**
   * Starts fetching everything that a way of starting Python needs at once.
   * @param {string} mode
   */
  begin(mode) {
    this.#mode = mode;
    this.#fetcher?.terminate();
    this.#kept(); // or not: in both cases what waits for it continues
    const fetcher = startFetcher();
    this.#fetcher = fetcher;
    fetcher.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent("progress", { detail: data }));
    fetcher.onerror = () => {
      this.#fresh = false;
      this.dispatchEvent(
        new CustomEvent("failed", { detail: "fetcher.js could not be loaded. Check the connection." }),
      );
    };
    this.#tell({ list: this.#list.filter(({ when }) => when !== "page"), mode });
    this.#fresh = true;
  }

  /**
   * @param {ToFetcher} message
   * @param {MessagePort[]} ports that go with it
   */
  #tell(message, ports = []) {
    this.#fetcher?.postMessage(message, ports);
  }

  /**
   * A port at which Python's worker gets its files: it is asked for a name and answers with bytes, or with an error.
   * The first worker finds what was begun; for each that follows everything is fetched anew.
   */
  connect() {
    if (!this.#fresh) this.begin(this.#mode);
    this.#fresh = false;
    const { port1, port2 } = new MessageChannel();
    this.#tell({ port: port1 }, [port1]);
    return port2;
  }

  /**
   * Keeps what this start has needed as it was decoded, for a faster one next time.
   * @returns {Promise<void>}
   */
  keep() {
    const { port1, port2 } = new MessageChannel();
    this.#tell({ kept: port2 }, [port2]);
    return new Promise((resolve) => {
      this.#kept = resolve;
      port1.onmessage = () => resolve();
    });
  }

  /**
   * Fetches one of the page's own files and hands it out.
   * @param {string} name
   */
  take(name) {
    return this.#page.take(name);
  }
}

/**
 * Which start to try: the snapshot is large, so not where the visitor saves data or the line is slow.
 * @param {string} query
 * @param {Navigator["connection"]} connection
 */
export function startMode(query, connection) {
  const asked = new URLSearchParams(query).get("snapshot");
  if (asked === "0") return "plain";
  if (asked === "1") return "snapshot";
  const slow = connection?.saveData || ["slow-2g", "2g", "3g"].includes(connection?.effectiveType ?? "");
  return slow ? "plain" : "snapshot";
}
