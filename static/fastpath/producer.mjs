// The page's own producer of pictures: our kernels, the tensor in their memory, and how often that may look at all of it.
import { Kernels } from "../kernels.mjs";
import { compute } from "./compute.mjs";
import { covers, keyOf } from "./qparams.mjs";
import { Subject } from "./subject.mjs";

/**
 * @import { Settings } from "../types/messages"
 * @import { Convention, Picture, Tensor } from "../types/picture"
 */

const SPARED = 30; // times as long as a look at every value took is the next one put off while something moves

export class Producer {
  #conventions;
  /** @type {Kernels | null} */
  #kernels = null;
  #free = 0;
  /** @type {Subject | null} */
  #subject = null;
  /** When every value may be looked at again. */
  #due = 0;
  /** @type {Promise<Kernels>} */
  #ready;
  /** @type {(kernels: Kernels) => void} */
  #arrived = () => {};

  /** @param {Record<string, Convention>} conventions */
  constructor(conventions) {
    this.#conventions = conventions;
    this.#ready = new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes the module with our kernels */
  async useKernels(bytes) {
    this.#kernels = await Kernels.from(bytes);
    this.#free = this.#kernels.mark();
    this.#arrived(this.#kernels);
  }

  /** @param {Tensor} tensor keyOf gives its key */
  async setSubject(tensor) {
    const kernels = await this.#ready;
    kernels.release(this.#free);
    this.#subject = new Subject(kernels, tensor);
  }

  /**
   * Whether the tensor that settings name is at hand.
   * @param {Settings} settings
   */
  has(settings) {
    return this.#subject?.key === keyOf(settings);
  }

  /**
   * Whether there is a picture of the settings to be had here.
   * @param {Settings} settings
   */
  covers(settings) {
    return this.#kernels !== null && covers(this.#subject, settings, this.#conventions);
  }

  /** Whether the last picture has something of an older one. */
  isBehind = false;

  /**
   * A picture of the settings; null: only Python can make one.
   * @param {Settings} settings
   * @param {Picture | null} last while something moves: what looks at every value is taken over from it if it is not due again
   */
  picture(settings, last) {
    if (!this.#kernels) return null;
    const began = performance.now();
    const kept = began < this.#due ? last : null;
    const made = compute(this.#kernels, this.#subject, settings, this.#conventions, kept);
    this.isBehind = kept !== null && made?.levelCounts === kept.levelCounts;
    if (!this.isBehind) this.#due = performance.now() + SPARED * (performance.now() - began);
    return made;
  }
}
