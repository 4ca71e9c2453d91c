// The boot line: what is loading, how far it is, and a readable failure with a Retry.
const $ = (id) => document.getElementById(id);
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

export class Boot {
  #began = 0;

  begin() {
    this.#began = performance.now();
    $("failure").hidden = true;
    $("boot").hidden = false;
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

  end(times) {
    $("boot").hidden = true;
    this.times = { ...times, "Navigation to the first view": Math.round(performance.now()) };
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
