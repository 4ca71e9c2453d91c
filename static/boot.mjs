// The boot note in the corner: what is loading, how far it is, and a readable failure with a Retry.
import { $ } from "./dom.mjs";

/**
 * @import { Failure, Loading, Started } from "./types/messages"
 * @import { Times } from "./types/page"
 */

const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);

export class Boot {
  begin() {
    $("failure").hidden = true;
    $("boot").hidden = false;
    document.body.dataset.python = "starting";
    $("boot-bar").value = 0;
    this.stage("Starting");
  }

  /** @param {string} name */
  stage(name) {
    $("boot-stage").textContent = name;
    performance.mark(`boot: ${name}`);
  }

  /** @param {Loading} loading */
  progress({ stage, done = 0, total }) {
    if (stage) this.stage(stage);
    if (!total) return;
    $("boot-bar").value = done / total;
    $("boot-amount").textContent = `${megabytes(done)} of ${megabytes(total)} MB`;
  }

  /**
   * Python answers; `times` are its worker's stages, `restored` says whether it went on from the snapshot.
   * @param {Started} started
   */
  end({ times, restored, trouble }) {
    $("boot").hidden = true;
    delete document.body.dataset.python;
    if (trouble) console.warn("plain start, because", trouble);
    const [view] = performance.getEntriesByName("first view");
    /** @type {Times} */
    const stages = {
      ...times,
      "Navigation to the first view": Math.round(view.startTime),
      "Navigation to Python's answer": Math.round(performance.now()),
      "From the snapshot": Number(restored),
    };
    console.info("start, ms:", JSON.stringify(stages));
    dispatchEvent(new CustomEvent("playground-booted", { detail: stages }));
  }

  /** @param {Failure} error */
  fail(error) {
    $("boot").hidden = true;
    $("failure").hidden = false;
    $("failure-text").textContent = `${error?.message ?? error}`;
    console.error(error?.detail ?? error);
  }
}
