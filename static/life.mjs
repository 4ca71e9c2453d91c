// Starts Python in this page, and starts it again with the same settings and files when its worker has
// crashed, was killed, or does not answer.

/**
 * @import { Boot } from "./boot.mjs"
 * @import { Client } from "./client.mjs"
 * @import { Views } from "./views.mjs"
 * @import { Failure, Running, Settings, Started, State } from "./types/messages"
 * @import { Action, Given, Start } from "./types/page"
 */

const MANY = 3;
const SILENT_MS = 10_000;

export class Life {
  #start;
  #client;
  #views;
  #boot;
  #given;
  #opened;
  #recall;
  #say;
  #finish;
  /** @type {Promise<void> | null} */
  #running = null;
  /** What it is to be like again. @type {Pick<State, "settings" | "query"> | null} */
  #before = null;
  #recalled = false;
  #inVain = 0;
  #answers = 0;
  #silence = 0;

  /**
   * `start` is what early.mjs left; `given` holds the files that the visitor gave; `say` shows a sentence; `finish` is
   * what comes after every start and belongs to it.
   * @param {object} parts
   * @param {Start} parts.start
   * @param {Views} parts.views
   * @param {Boot} parts.boot
   * @param {Given} parts.given
   * @param {Map<number, File[]>} parts.opened the opened files, by the number that Python knows them by
   * @param {() => Promise<Settings | null>} parts.recall what was open before the page was reloaded; asked once
   * @param {(text: string, action?: Action) => void} parts.say
   * @param {(result: Started) => Promise<void>} parts.finish
   */
  constructor({ start, views, boot, given, opened, recall, say, finish }) {
    this.alive = false;
    this.#start = start;
    this.#client = start.client;
    this.#views = views;
    this.#boot = boot;
    this.#given = given;
    this.#opened = opened;
    this.#recall = recall;
    this.#say = say;
    this.#finish = finish;
  }

  /**
   * Starts Python, or starts it again as it was.
   * @param {State | null} state the last one it told; null if there was none yet
   * @param {string} reason why it has to be started again
   */
  begin(state, reason) {
    this.#running ??= this.#begin(state, reason).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /**
   * @param {State | null} state
   * @param {string} reason
   */
  async #begin(state, reason) {
    if (this.alive) {
      this.alive = false;
      this.#before = state; // not what a start tells that has not come to its end
      if (this.#client.answers > this.#answers) this.#inVain = 0;
      this.#note(reason);
    }
    const began = performance.now();
    for (;;) {
      try {
        await this.#attempt();
        break;
      } catch (error) {
        const { kind, message } = /** @type {Failure} */ (error);
        if (kind !== "worker") throw error;
        this.#note(message);
      }
    }
    if (this.#before) performance.measure("restart", { start: began });
    this.#answers = this.#client.answers;
    this.alive = true;
    this.#listen();
  }

  /**
   * Python has ended. That is no reason to give up, unless it ends again and again before it has answered anything.
   * @param {string} reason
   */
  #note(reason) {
    this.#inVain += 1;
    if (this.#inVain > MANY) {
      this.#inVain = 0;
      throw new Error(`Python stopped ${MANY + 1} times while starting. The last reason: ${reason}`);
    }
    this.#say(`${reason}. Python is starting again${this.#before ? " with your settings" : ""}.`);
  }

  async #attempt() {
    if (!this.#recalled) {
      this.#recalled = true;
      const settings = await this.#recall();
      if (settings) this.#before = { settings, query: location.search.slice(1) };
    }
    const state = this.#before;
    const uploaded = state?.settings.model === "upload" || Boolean(this.#given.model);
    this.#boot.begin();
    if (state) this.#views.disconnect();
    const frozen = await this.#views.frozen();
    const { result } = await this.#answerOf(state && (uploaded ? "" : `?${state.query}`));
    if (state && uploaded) await this.#reopen(state); // before the views are connected: what was moved meanwhile is about this model
    if (state) await this.#followAgain();
    if (state) await this.#client.request("forget_steps");
    await this.#views.connectAll(frozen, result.document);
    if (state) await this.#views.sync();
    await this.#finish(result);
  }

  /**
   * The answer to the request to start: of the one that was made before, if it has not been awaited yet.
   * @param {string | null} query
   * @returns {Running<"start">}
   */
  #answerOf(query) {
    const { started } = this.#start;
    this.#start.started = null;
    return started ?? this.#start.begin(query ?? location.search);
  }

  /** @param {Pick<State, "settings">} state */
  async #reopen({ settings: { version, ...settings } }) {
    const { model, calibration, images } = this.#given;
    if (!model) {
      this.#say("The model is no longer available. Open it again.");
      return;
    }
    try {
      this.#opened.clear();
      await this.#client.request("load", { files: model });
      this.#opened.set(0, model);
      await this.#client.request("set", { changes: settings });
      if (calibration) await this.#client.request("calibration", { files: [calibration] });
      if (images) this.#say("Choose the calibration images again.");
    } catch (error) {
      const { kind, message } = /** @type {Failure} */ (error);
      if (kind === "worker") throw error;
      this.#say(`${model[0].name} could not be opened again: ${message}`);
    }
  }

  /** The recipe that was opened: the settings above it are there already. */
  async #followAgain() {
    const { recipe } = this.#given;
    if (!recipe) return;
    await this.#client.request("recipe", { keep: true, files: [recipe] }).catch((error) => {
      if (error.kind === "worker") throw error;
      this.#say(`${recipe.name} could not be opened again: ${error.message}`);
    });
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
