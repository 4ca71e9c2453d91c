// Talks to the worker: every request has an id and always gets an answer, a result or an error.

/** A failure with the kind and the message that Python (or this module) gave it. */
export class PlaygroundError extends Error {
  constructor({ kind, message, detail }) {
    super(message);
    this.name = "PlaygroundError";
    this.kind = kind;
    this.detail = detail;
  }
}

export class Client extends EventTarget {
  #worker = null;
  #waiting = new Map();
  #next = 1;

  /** Starts (or starts again) the worker. What was in flight is refused. */
  open() {
    if (this.#worker) this.close("The worker was restarted");
    this.#worker = new Worker(new URL("./worker.mjs", import.meta.url), { type: "module", name: "playground" });
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => this.close(event.message || "The worker stopped");
    this.#worker.onmessageerror = () => this.close("A message of the worker could not be read");
  }

  close(reason) {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(new PlaygroundError({ kind: "worker", message: reason }));
    this.#waiting.clear();
    this.dispatchEvent(new CustomEvent("stopped", { detail: reason }));
  }

  /**
   * @param {string} kind what to do
   * @param {object} content plain data; `files` may hold File or Uint8Array
   * @returns {Promise<{result: any, buffers: ArrayBuffer[]}>} with the request's id as the promise's `id`
   */
  request(kind, content = {}) {
    const id = this.#next++;
    const promise = new Promise((resolve, reject) => {
      if (!this.#worker) {
        reject(new PlaygroundError({ kind: "worker", message: "The worker is not running. Reload the page." }));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...content, id, kind });
    });
    promise.id = id;
    return promise;
  }

  #receive(message) {
    if (message.kind === "answer") {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (!waiting) return;
      if (message.error) waiting.reject(new PlaygroundError(message.error));
      else waiting.resolve({ result: message.result, buffers: message.buffers ?? [] });
    } else {
      this.dispatchEvent(new CustomEvent(message.kind, { detail: message }));
    }
  }
}
