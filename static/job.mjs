// What takes long, in a strip above the foot of the screen, whatever view is on it: its stage, how far and how fast it is,
// the time it may take, and Cancel. The strip lies above the page, so that nothing moves when it comes and goes.
import { amountOf } from "./amount.mjs";
import { announce } from "./announce.mjs";
import { toast } from "./toast.mjs";
import { $ } from "./dom.mjs";

/**
 * @import { Failure, Kind, Progress, Requests, Running } from "./types/messages"
 * @import { Part } from "./types/page"
 */

/** @typedef {"quantize" | "sensitivity" | "mixed" | "improve" | "curve"} Work what ends in a quantized model */

const PATIENCE_MS = 2000;
/** What is done sooner is not worth a strip. */
const SOON_MS = 400;
const NO_GRAPH = "The open file has tensors and no graph, so its model cannot be run.";

/** The buttons that begin such work. */
const buttons = () => /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-job]")]);

export class Job {
  #client;
  #complain;
  /** What is under way, the newest last: id -> when it began, and what is told of it. */
  #entries = /** @type {Map<number, { began: number, stage: string, told: string, share: number }>} */ (new Map());
  /** Their kinds, from their beginning on. @type {Map<number, Kind>} */
  #kinds = new Map();
  #working = false;
  /** Why what needs a graph cannot be done; empty if it can. */
  #lacking = "";
  /** @type {HTMLElement | null} */
  #from = null;

  /** @param {Pick<Part, "client" | "complain">} part */
  constructor({ client, complain }) {
    this.#client = client;
    this.#complain = complain;
    client.addEventListener("progress", ({ detail }) => this.#note(detail));
    $("cancel").addEventListener("click", () => this.#cancel());
    addEventListener("playground-state", ({ detail }) => {
      this.#lacking = detail.runs ? detail.unmeasured : NO_GRAPH;
      this.#enable();
    });
  }

  /**
   * Asks for work and shows it until it is done; the answer, or undefined if there is none (that has been said).
   * @template {Work | "compare"} K
   * @param {K} kind
   * @param {string} stage
   * @param {(error: Failure) => void} complain
   * @param {Requests[K]["content"]} [content]
   */
  async run(kind, stage, complain = this.#complain, content) {
    this.#working = true;
    this.#from = buttons().find((button) => button === document.activeElement) ?? null;
    this.#enable();
    try {
      return await this.follow(this.#client.request(kind, content), stage, 0);
    } catch (error) {
      const failure = /** @type {Failure} */ (error);
      if (failure.kind === "cancelled") toast("Cancelled. Nothing was changed.");
      else complain(failure);
      return undefined;
    } finally {
      const kept = document.activeElement === document.body || document.activeElement === $("cancel");
      this.#working = false;
      this.#enable();
      if (kept) this.#from?.focus({ preventScroll: true });
      this.#from = null;
    }
  }

  /**
   * Shows a request in the strip until it is answered.
   * @template {Kind} K
   * @param {Running<K>} running
   * @param {string} stage
   * @param {number} [delay] milliseconds that it may take before it is shown
   * @returns {Running<K>} the same
   */
  follow(running, stage, delay = SOON_MS) {
    const { id, about } = running;
    this.#tell(id, about);
    const begin = () => {
      this.#entries.set(id, { began: performance.now(), stage, told: "", share: 0 });
      this.#show();
    };
    let timer = 0;
    if (delay) timer = setTimeout(begin, delay);
    else begin();
    const end = () => {
      clearTimeout(timer);
      this.#entries.delete(id);
      this.#tell(id);
      this.#show();
    };
    running.then(end, end);
    return running;
  }

  /**
   * Says what is under way: a proposal of just that is none.
   * @param {number} id
   * @param {Kind} [about] left out: it has ended
   */
  #tell(id, about) {
    if (about) this.#kinds.set(id, about);
    else this.#kinds.delete(id);
    dispatchEvent(new CustomEvent("playground-work", { detail: [...this.#kinds.values()] }));
  }

  /** A disabled button would lose the keyboard's place: Cancel has it meanwhile. */
  #enable() {
    for (const button of buttons()) {
      const weightsAlone = button.dataset.job === "tensors"; // all else needs a graph
      const lacking = weightsAlone ? "" : this.#lacking;
      button.disabled = this.#working || lacking !== "";
      button.title = lacking;
    }
  }

  /** @param {Progress} progress */
  #note(progress) {
    const entry = this.#entries.get(progress.id);
    if (!entry) return;
    const { message, done, total } = progress;
    entry.stage = message || "Working";
    entry.share = total ? done / total : 0;
    entry.told = amountOf(progress, performance.now() - entry.began);
    this.#show();
  }

  #show() {
    const newest = [...this.#entries.values()].at(-1);
    const began = $("job").hidden && newest;
    if (began) announce(newest.stage);
    $("job").hidden = !newest;
    if (!newest) return;
    $("job-bar").value = newest.share;
    $("job-stage").textContent = $("job-stage").title = newest.stage;
    $("job-amount").textContent = newest.told;
    if (began && this.#from) $("cancel").focus({ preventScroll: true });
  }

  /** Asks the work to stop between two of its steps; if that takes too long, Python is started anew. */
  #cancel() {
    const id = [...this.#entries.keys()].at(-1);
    if (id === undefined) return;
    this.#client.request("cancel", { target: id }).catch(() => {
      /* then it has ended anyway */
    });
    setTimeout(() => {
      if (this.#entries.has(id)) this.#client.close("The task was cancelled during a long step");
    }, PATIENCE_MS);
  }
}
