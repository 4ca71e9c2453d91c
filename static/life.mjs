// Python's life in this page: the first start, and starting again with the same settings and files when its worker has
// crashed, was killed, or does not answer.
const MANY = 3;
const SHORT_MS = 60_000;
const SILENT_MS = 10_000;

export class Life {
  #start; #client; #views; #boot; #given; #say; #restarts = []; #silence = 0; #tried = false;

  /** `start` is what early.mjs left; `given` holds the files that the visitor gave; `say` shows a sentence. */
  constructor({ start, views, boot, given, say }) {
    this.#start = start;
    this.#client = start.client;
    this.#views = views;
    this.#boot = boot;
    this.#given = given;
    this.#say = say;
    this.alive = false;
  }

  /** Waits for Python's first answer and connects the first view with it. */
  async begin(started) {
    this.#boot.begin();
    const frozen = await this.#views.frozen();
    const { result } = await started;
    await this.#views.connectFirst(frozen, result.document);
    return result;
  }

  /** The very first start, or another one after it failed. */
  async first() {
    const { started, begin } = this.#start;
    const tried = this.#tried;
    this.#tried = true;
    const result = await this.begin(tried ? begin(location.search) : started);
    this.alive = true;
    this.#listen();
    return result;
  }

  /** Starts Python again as it was. `state` is the last one it told. */
  async again(state, reason) {
    this.alive = false;
    const now = performance.now();
    this.#restarts = [...this.#restarts.filter((then) => now - then < SHORT_MS), now];
    if (this.#restarts.length > MANY) throw new Error(`Python stopped ${MANY + 1} times within a minute. The last time: ${reason}`);
    this.#say(`${reason}. It starts again with your settings.`);
    const { model, calibration } = this.#given;
    const uploaded = state?.settings.model === "upload";
    const query = uploaded || !state ? "" : `?${state.query}`;
    const began = performance.now();
    this.#views.disconnect("tensor");
    const result = await this.begin(this.#start.begin(query));
    if (uploaded) await this.#reopen(model, state);
    if (uploaded && calibration) await this.#client.request("calibration", { files: [calibration] });
    await this.#client.request("sync", { view: "tensor" });
    this.alive = true;
    performance.measure("restart", { start: began });
    return result;
  }

  async #reopen(model, { settings: { version, ...settings } }) {
    if (!model) {
      this.#say("The model that was open is not at hand any more. Open it again.");
      return;
    }
    await this.#client.request("load", { files: [model] });
    await this.#client.request("set", { changes: settings });
  }

  /** Says so when Python owes an answer and nothing is heard of it: it may be busy, or hang. */
  #listen() {
    if (this.#silence) return;
    this.#silence = setInterval(() => {
      if (this.#client.silentFor() < SILENT_MS) return;
      this.#client.heard(); // once now; again if it goes on
      this.#say(`Python has not answered for ${SILENT_MS / 1000} s. It may be busy with something large.`, {
        label: "Restart Python",
        run: () => this.#client.close("Python did not answer and was stopped"),
      });
    }, 1000);
  }
}
