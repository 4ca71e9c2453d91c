// Convolution 3 x 3, 64 to 64 channels, 56 x 56 pixels, padded: ours and ONNX Runtime Web's QLinearConv.
import { bytes, runtime } from "./files.mjs";
import { transposed } from "./layout.mjs";
import { buildOf, CODES, prepare } from "./product.mjs";
import { codes, race, rowsOf, verdict } from "./timing.mjs";

const SIZE = 56;
const CHANNELS = 64;
const DEPTH = 9 * CHANNELS;
const PIXELS = SIZE * SIZE;
const TITLE = `conv 3×3, ${CHANNELS}→${CHANNELS}, ${SIZE}×${SIZE}`;

/** Our images are NHWC: `run` copies such codes in. ONNX Runtime's are NCHW. */
function ours(kernels, weights, x) {
  const input = kernels.alloc(Uint8Array, x.length);
  const { out, args } = prepare(kernels, weights, DEPTH, CHANNELS, PIXELS * CHANNELS, CODES);
  const geometry = [1, SIZE, SIZE, CHANNELS, 3, 3, 1, 1, 1, 1, 1, 1, SIZE, SIZE, 1];
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call("k_conv_s8", input, ...geometry, ...args);
      return kernels.at(out);
    },
  };
}

/** Rows of the table. */
export async function conv(builds, progress) {
  const x = codes(PIXELS * CHANNELS);
  const weights = await bytes("weights-conv.bin");
  const marks = builds.map((kernels) => kernels.mark());
  const engines = {};
  for (const kernels of builds) engines[`Ours (${buildOf(kernels)}), requantized to uint8`] = ours(kernels, weights, x);
  const theirs = "ONNX Runtime Web QLinearConv";
  engines[theirs] = await runtime("qlinearconv.onnx", "uint8", transposed(x, PIXELS, CHANNELS), [
    1,
    CHANNELS,
    SIZE,
    SIZE,
  ]);
  const results = [];
  for (const engine of Object.values(engines)) results.push(Uint8Array.from(await engine.run()));
  const verdicts = { [theirs]: verdict(transposed(results[0], PIXELS, CHANNELS), results.at(-1)) };
  const times = await race(engines, progress);
  builds.forEach((kernels, k) => kernels.release(marks[k]));
  return rowsOf({ title: TITLE, macs: PIXELS * DEPTH * CHANNELS }, times, { verdicts });
}
