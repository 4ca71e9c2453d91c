// The boot note in the corner: what is loading, how far it is, and a readable failure with a Retry.
const $ = (id) => document.getElementById(id);
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

export class Boot {
  #began = 0;

  begin() {
    this.#began = performance.now();
    $("failure").hidden = true;
    $("boot").hidden = false;
    document.body.dataset.python = "starting";
    $("boot-bar").value = 0;
    this.stage("Starting");
  }

  stage(name) {
    $("boot-stage").textContent = name;
    performance.mark(`boot: ${name}`);
  }

  progress({ stage, done, total }) {
    if (stage) this.stage(stage);
    if (!total) return;
    $("boot-bar").value = done / total;
    $("boot-amount").textContent = `${megabytes(done)} of ${megabytes(total)} MB`;
  }

  /** Python answers; `times` are its worker's stages, `restored` says whether it went on from the snapshot. */
  end({ times, restored, trouble }) {
    $("boot").hidden = true;
    delete document.body.dataset.python;
    if (trouble) console.warn("plain start, because", trouble);
    const [view] = performance.getEntriesByName("first view");
    this.times = {
      ...times,
      "Navigation to the first view": Math.round(view.startTime),
      "Navigation to Python's answer": Math.round(performance.now()),
      "From the snapshot": Number(restored),
    };
    console.info("start, ms:", JSON.stringify(this.times));
    dispatchEvent(new CustomEvent("playground-booted", { detail: this.times }));
  }

  fail(error) {
    $("boot").hidden = true;
    $("failure").hidden = false;
    $("failure-text").textContent = `${error?.message ?? error}`;
    console.error(error?.detail ?? error);
  }
}
