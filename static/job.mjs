// One task at a time: its progress, the time it may take, and its Cancel button.
import { toast } from "./toast.mjs";
import { $ } from "./dom.mjs";

/**
 * @import { Failure, Progress, Running } from "./types/messages"
 * @import { Part } from "./types/page"
 */

/** @typedef {"quantize" | "sensitivity" | "mixed" | "improve" | "curve"} Work what ends in a quantized model */

const PATIENCE_MS = 2000;

const seconds = (/** @type {number | null} */ left) =>
  left === null ? "" : left < 1 ? "under a second left" : `about ${Math.ceil(left)} s left`;

/** The buttons that begin such work. */
const buttons = () => /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("[data-job]")]);

export class Job {
  #client;
  #complain;
  /** @type {Running<Work> | null} */
  #running = null;
  /** @type {HTMLElement | null} */
  #from = null;

  /** @param {Pick<Part, "client" | "complain">} part */
  constructor({ client, complain }) {
    this.#client = client;
    this.#complain = complain;
    client.addEventListener("progress", ({ detail }) => this.#show(detail));
    $("cancel").addEventListener("click", () => this.#cancel());
  }

  /**
   * Asks for work and shows it until it is done; the answer, or undefined if there is none (that has been said).
   * @param {Work} kind
   * @param {string} stage
   */
  async run(kind, stage) {
    this.#begin(stage);
    const running = this.#client.request(kind);
    this.#running = running;
    try {
      return await running;
    } catch (error) {
      const failure = /** @type {Failure} */ (error);
      if (failure.kind === "cancelled") toast("Cancelled. Nothing was changed.");
      else this.#complain(failure);
      return undefined;
    } finally {
      this.#running = null;
      this.#end();
    }
  }

  /**
   * The keyboard is at Cancel meanwhile, and afterwards where it was: a disabled button would lose it.
   * @param {string} stage
   */
  #begin(stage) {
    this.#from = buttons().find((button) => button === document.activeElement) ?? null;
    for (const button of buttons()) button.disabled = true;
    $("job").hidden = false;
    $("job-bar").value = 0;
    $("job-stage").textContent = stage;
    $("job-amount").textContent = "";
    if (this.#from) $("cancel").focus({ preventScroll: true });
  }

  #end() {
    const kept = document.activeElement === $("cancel");
    for (const button of buttons()) button.disabled = false;
    if (kept) this.#from?.focus({ preventScroll: true });
    $("job").hidden = true;
  }

  /** @param {Progress} progress */
  #show({ id, message, done, total, seconds_left: left }) {
    if (!this.#running || id !== this.#running.id) return;
    $("job-stage").textContent = message || "Working";
    $("job-bar").value = total ? done / total : 0;
    $("job-amount").textContent = seconds(left ?? null);
  }

  /** Asks the work to stop between two of its steps; if that takes too long, Python is started anew. */
  #cancel() {
    const job = this.#running;
    if (!job) return;
    this.#client.request("cancel", { target: job.id }).catch(() => {
      /* then it has ended anyway */
    });
    setTimeout(() => {
      if (this.#running === job) this.#client.close("The task was cancelled during a long step");
    }, PATIENCE_MS);
  }
}
