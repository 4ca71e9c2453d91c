// Talks to the worker with Python: every request has an id and always gets an answer, a result or an error.
import { Target } from "./events.mjs";
import { openFrame, startWorker } from "./frame.mjs";

/** @import { Answer, ClientEvents, Empty, Failure, FromWorker, Kind, Requests, Running } from "./types/messages" */

/** A failure with the kind and the message that Python (or this module) gave it. */
export class PlaygroundError extends Error {
  /** @param {Failure} failure */
  constructor({ kind, message, detail, offer, about }) {
    super(message);
    this.name = "PlaygroundError";
    this.kind = kind;
    this.detail = detail;
    this.about = about; // the kind of the request that failed
    this.offer = offer; // a setting that lets the work go on without the offending part
  }
}

const BEGIN_MS = 15_000;
/** What Python tells unasked. @type {Set<string>} */
const TOLD = new Set(["boot", "patch", "picture", "state", "progress", "problem"]);

/** @extends {Target<ClientEvents>} */
export class Client extends Target {
  /** How many requests were answered, by a result or an error. */
  answers = 0;
  #files;
  /** @type {MessagePort | null} */
  #port = null;
  /** @type {Map<number, { about: Kind, resolve: (answer: Answer<Kind>) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  #next = 1;
  /** @type {AbortController | null} */
  #lock = null;
  #heard = 0;
  #begun = false;
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  /** @type {Promise<HTMLIFrameElement> | null} */
  #prepared = null;

  /** @param {import("./files.mjs").Files} files where the worker gets its files */
  constructor(files) {
    super();
    this.#files = files;
    files.addEventListener("failed", ({ detail }) => this.close(detail, "missing"));
  }

  /** Milliseconds since the worker was last heard of; 0 while it owes no answer. */
  silentFor() {
    return this.#waiting.size ? performance.now() - this.#heard : 0;
  }

  /** Begins to count anew. */
  heard() {
    this.#heard = performance.now();
  }

  /** Makes the frame of the first worker before there is anything for the worker to do: its document takes a while. */
  prepare() {
    this.#prepared ??= openFrame();
  }

  /** Starts (or starts again) the worker. What was in flight is refused. */
  open() {
    if (this.#port) this.close("Python was restarted");
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#begun = false;
    const lock = `playground-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    port1.onmessage = ({ data }) => {
      if (port1 === this.#port) this.#receive(data, lock);
    };
    this.#start(port1, [port2, this.#files.connect()], lock).catch((error) => {
      if (port1 === this.#port) this.close(error.message, error.kind);
    });
  }

  /**
   * Makes the worker; `port` is ours, `ports` go to it.
   * @param {MessagePort} port
   * @param {MessagePort[]} ports
   * @param {string} lock
   */
  async #start(port, ports, lock) {
    const { bytes } = await this.#files.take("worker.js");
    const stopped = (/** @type {string} */ reason) => {
      if (port === this.#port) this.close(reason);
    };
    setTimeout(() => {
      if (!this.#begun) stopped("Python's worker has not started");
    }, BEGIN_MS);
    const opening = this.#prepared ?? openFrame();
    this.#prepared = null;
    const frame = await opening;
    if (port !== this.#port) {
      frame.remove();
      return;
    }
    this.#frame = frame;
    startWorker(frame, { source: bytes, lock }, ports, stopped);
  }

  /**
   * Ends the worker: what is unanswered is refused, and `stopped` is dispatched.
   * @param {string} reason
   */
  close(reason, kind = "worker") {
    if (!this.#port) return;
    this.#port.close();
    this.#port = null;
    this.#lock?.abort();
    this.#lock = null;
    this.#frame?.remove(); // and with it the worker
    this.#frame = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { about, reject } of waiting) reject(new PlaygroundError({ kind, message: reason, about }));
    this.dispatchEvent(new CustomEvent("stopped", { detail: reason }));
  }

  /**
   * @template {Kind} K
   * @param {K} kind what to do
   * @param {Requests[K]["content"] | Empty} content plain data; `files` may hold File or Uint8Array
   * @returns {Running<K>} the promise knows the request's id and kind
   */
  request(kind, content = {}) {
    const id = this.#next++;
    /** @type {Promise<Answer<K>>} */
    const promise = new Promise((resolve, reject) => {
      if (!this.#port) {
        reject(new PlaygroundError({ kind: "worker", message: "Python is not running. Reload the page." }));
        return;
      }
      if (!this.#waiting.size) this.heard();
      const settle = /** @type {(answer: Answer<Kind>) => void} */ (resolve); // the answer with this id is of this kind
      this.#waiting.set(id, { about: kind, resolve: settle, reject });
      this.#port.postMessage({ ...content, id, kind });
    });
    return Object.assign(promise, { id, about: kind });
  }

  /**
   * @param {FromWorker} message
   * @param {string} lock
   */
  #receive(message, lock) {
    this.heard();
    if (message.kind === "answer") {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (!waiting) return;
      this.answers += 1;
      const { about } = waiting;
      if (message.error) waiting.reject(new PlaygroundError({ ...message.error, about }));
      else {
        waiting.resolve({ result: message.result, buffers: message.buffers ?? [] });
        this.dispatchEvent(new CustomEvent("succeeded", { detail: about }));
      }
    } else if (message.kind === "alive") {
      this.#begun = true;
      if (message.locked) this.#watch(lock);
    } else if (message.kind === "dying") {
      this.close(String(message.reason));
    } else if (TOLD.has(message.kind)) {
      this.dispatchEvent(new CustomEvent(message.kind, { detail: message }));
    }
  }

  /**
   * The worker holds a lock for as long as it lives; we get it when it has ended, however that came about. In a sandboxed
   * frame there are no locks: there the page notices that an answer is owed (life.mjs).
   * @param {string} lock
   */
  #watch(lock) {
    if (!navigator.locks) return;
    this.#lock = new AbortController();
    navigator.locks
      .request(lock, { signal: this.#lock.signal }, () => this.close("Python's worker has ended"))
      .catch(() => {
        /* closed before: nothing waits for it any more */
      });
  }
}
