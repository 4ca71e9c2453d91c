// Convolution 3 x 3, 64 to 64 channels, 56 x 56 pixels, padded: ours and ONNX Runtime Web's QLinearConv.
import { k_conv_lines_s8 } from "../../playground/kernels/structs.mjs";
import { bytes, runtime } from "./files.mjs";
import { transposed } from "./layout.mjs";
import { buildOf, CODES, prepare, threeByThree } from "./product.mjs";
import { codes, race, resultsOf, rowsOf, verdict } from "./timing.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { ByEngine, Engine, Section } from "../types/bench"
 */

const SIZE = 56;
const CHANNELS = 64;
const DEPTH = 9 * CHANNELS;
const PIXELS = SIZE * SIZE;
const TITLE = `conv 3×3, ${CHANNELS}→${CHANNELS}, ${SIZE}×${SIZE}`;

/**
 * Our images are NHWC: `run` copies such codes in. ONNX Runtime's are NCHW. Lines of a window are whole steps here, so that
 * their weights are packed as those of rows.
 * @param {Kernels} kernels
 * @param {Uint8Array<ArrayBuffer>} weights
 * @param {Uint8Array} x
 * @returns {Engine}
 */
function ours(kernels, weights, x) {
  const input = kernels.alloc(Uint8Array, x.length);
  const { out, given } = prepare(kernels, weights, DEPTH, CHANNELS, PIXELS * CHANNELS, CODES);
  const images = threeByThree(input, CHANNELS, SIZE, 1);
  const line = (SIZE + 2) * CHANNELS * (kernels.dot === "int16" ? 2 : 1);
  const scratch = kernels.alloc(Uint8Array, 3 * Int32Array.BYTES_PER_ELEMENT + 4 * line);
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call(k_conv_lines_s8, { images, groups: 1, ...given, scratch });
      return kernels.at(out);
    },
  };
}

/**
 * Rows of the table.
 * @type {Section}
 */
export async function conv(builds, progress) {
  const x = codes(PIXELS * CHANNELS);
  const weights = await bytes("weights-conv.bin");
  const marks = builds.map((kernels) => kernels.mark());
  /** @type {ByEngine<Engine>} */
  const engines = {};
  for (const kernels of builds) engines[`Ours (${buildOf(kernels)}), requantized to uint8`] = ours(kernels, weights, x);
  const theirs = "ONNX Runtime Web QLinearConv";
  const shape = [1, CHANNELS, SIZE, SIZE];
  engines[theirs] = await runtime("qlinearconv.onnx", "uint8", transposed(x, PIXELS, CHANNELS), shape);
  const results = await resultsOf(engines, Uint8Array);
  const [first] = Object.values(results);
  const verdicts = { [theirs]: verdict(transposed(first, PIXELS, CHANNELS), results[theirs]) };
  const times = await race(engines, progress);
  for (const [k, kernels] of builds.entries()) kernels.release(marks[k]);
  return rowsOf({ title: TITLE, macs: PIXELS * DEPTH * CHANNELS }, times, { verdicts });
}
