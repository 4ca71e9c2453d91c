// What the visitor has chosen, on its way to Python: the newest settings of the Tensor view, one request at a time.

/**
 * @import { Client } from "../client.mjs"
 * @import { Failure, Schema, Settings } from "../types/messages"
 */

/**
 * @typedef {object} Asker
 * @property {(rested: boolean) => Settings | null} wanted the settings that Python should hear of now, if there are any
 * @property {(settings: Settings) => boolean} answered Python has answered these; whether nothing newer has been chosen
 * @property {(error: Failure) => void} refused
 */

export class Sender {
  #client;
  #names;
  #asker;
  #busy = false;

  /** Whether Python listens. */
  connected = false;

  /**
   * @param {Client} client
   * @param {Schema} schema
   * @param {Asker} asker
   */
  constructor(client, schema, asker) {
    this.#client = client;
    this.#asker = asker;
    const fields = Object.entries(schema.fields).filter(([, { view }]) => view !== "");
    this.#names = fields.map(([name]) => /** @type {keyof Settings} */ (name));
  }

  /** What a link asks for is shown by Python when it is asked for its state; its picture comes before the answer. */
  async showLinked() {
    await this.#client.request("state");
  }

  /** @param {boolean} [rested] whether what is pressed has not been moved for a while */
  async send(rested = false) {
    if (this.#busy || !this.connected) return;
    this.#busy = true;
    try {
      for (let now = rested; this.connected && this.#asker.wanted(now); now = false) {
        await new Promise((resolve) => setTimeout(resolve, 0)); // what one gesture changes travels together
        const sent = this.#asker.wanted(now);
        if (!sent) break;
        await this.#client.request("set", {
          changes: Object.fromEntries(this.#names.map((name) => [name, sent[name]])),
        });
        if (this.#asker.answered(sent)) break;
      }
    } catch (error) {
      this.#failed(/** @type {Failure} */ (error));
    } finally {
      this.#busy = false;
    }
  }

  /** @param {Failure} error if Python is gone, everything waits for the next one */
  #failed(error) {
    if (error.kind === "worker") {
      this.connected = false;
      return;
    }
    this.#asker.refused(error);
    this.#client.dispatchEvent(new CustomEvent("failed", { detail: error }));
  }
}
