// The files that the page and Python need, as index.html lists them: <link rel="playground-file" ...>. What Python needs
// is fetched, checked and decoded by a worker of its own, which hands it to Python's worker: that one has no network, and
// the page's thread is busy with the first view.
import { Fetching } from "./fetching.mjs";

const FETCHER = new URL("fetcher.js", document.currentScript.src); // in the same folder of a release as this script

function listed(links) {
  return [...links].map((link) => {
    const { name, when, coding, bytes, size, image } = link.dataset;
    const numbers = { bytes: Number(bytes), size: Number(size), image: Number(image ?? 0) };
    return { name, when, coding: coding ?? "", url: link.href, integrity: link.integrity, ...numbers };
  });
}

export class Files extends EventTarget {
  #list;
  #page;
  #mode = "";
  #fetcher = null;
  #fresh = false;
  #kept = () => {};

  /** Reads the list from the document. */
  constructor(links) {
    super();
    this.#list = listed(links);
    this.#page = new Fetching(this.#list.filter(({ when }) => when === "page"));
  }

  /** What the list says of a file. */
  about(name) {
    return this.#list.find((file) => file.name === name);
  }

  /** Starts fetching what the page itself needs. */
  beginPage() {
    this.#page.begin("page");
  }

  /** Starts fetching everything that a way of starting Python needs at once. */
  begin(mode) {
    this.#mode = mode;
    this.#fetcher?.terminate();
    this.#kept(); // or not: whoever waits for it goes on
    this.#fetcher = new Worker(FETCHER, { name: "fetcher" });
    this.#fetcher.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent("progress", { detail: data }));
    this.#fetcher.onerror = () => {
      this.#fresh = false;
      this.dispatchEvent(
        new CustomEvent("failed", { detail: "fetcher.js could not be loaded. Is there a connection?" }),
      );
    };
    this.#fetcher.postMessage({ list: this.#list.filter(({ when }) => when !== "page"), mode });
    this.#fresh = true;
  }

  /**
   * A port at which Python's worker gets its files: it is asked for a name and answers with bytes, or with an error.
   * The first worker finds what was begun; for each that follows everything is fetched anew.
   */
  connect() {
    if (!this.#fresh) this.begin(this.#mode);
    this.#fresh = false;
    const { port1, port2 } = new MessageChannel();
    this.#fetcher.postMessage({ port: port1 }, [port1]);
    return port2;
  }

  /** Keeps what this start has needed as it was decoded, for a faster one next time. */
  keep() {
    const { port1, port2 } = new MessageChannel();
    this.#fetcher.postMessage({ kept: port2 }, [port2]);
    return new Promise((resolve) => {
      port1.onmessage = this.#kept = resolve;
    });
  }

  /** Fetches one of the page's own files and hands it out. */
  take(name) {
    return this.#page.take(name);
  }
}

/** Which start to try: the snapshot is large, so not where the visitor saves data or the line is slow. */
export function startMode(query, connection) {
  const asked = new URLSearchParams(query).get("snapshot");
  if (asked === "0") return "plain";
  if (asked === "1") return "snapshot";
  const slow = connection?.saveData || ["slow-2g", "2g", "3g"].includes(connection?.effectiveType);
  return slow ? "plain" : "snapshot";
}
