// Depthwise convolution 3 x 3, padded: ours and ONNX Runtime Web's QLinearConv. The files are those of
// tests/benchmarks/depthwise.py, weights packed there.
import { bytes, runtime } from "./files.mjs";
import { transposed } from "./layout.mjs";
import { buildOf, CODES } from "./product.mjs";
import { codes, race, rowsOf, verdict } from "./timing.mjs";

const TAPS = 9;

/** Our images are NHWC: `run` copies such codes in. */
function ours(kernels, { channels, size, stride, scratch }, { multiplier, xZero, yZero }, { weights, bias }, x) {
  const out = Math.floor((size - 1) / stride) + 1;
  const input = kernels.alloc(Uint8Array, x.length);
  const held = [
    [Uint8Array, weights],
    [Int32Array, new Int32Array(bias.buffer)],
  ].map(([Type, array]) => {
    const place = kernels.alloc(Type, array.length);
    kernels.at(place).set(array);
    return place;
  });
  const multipliers = kernels.alloc(Float32Array, channels);
  const result = kernels.alloc(Uint8Array, channels * out * out);
  const ring = kernels.alloc(Uint8Array, scratch[kernels.dot]);
  kernels.at(multipliers).fill(multiplier);
  const geometry = [1, size, size, channels, 3, 3, stride, stride, 1, 1, 1, 1, out, out];
  const source = [0, xZero, kernels.dot === "signed" ? 0x80 : 0];
  const to = [{ float: -yZero }, { float: 255 - yZero }, yZero, CODES, result];
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call("k_depthwise_s8", input, ...geometry, ...source, held[0], 1, held[1], multipliers, ...to, ring);
      return kernels.at(result);
    },
  };
}

async function raceOf(builds, layer, told, progress) {
  const { stem, channels, size, stride } = layer;
  const x = codes(channels * size * size);
  const marks = builds.map((kernels) => kernels.mark());
  const engines = {};
  for (const kernels of builds) {
    const file = async (part) => bytes(`${stem}.${kernels.dot}.${part}`);
    const stored = { weights: await file("weights"), bias: await file("bias") };
    engines[`Ours (${buildOf(kernels)}), requantized to uint8`] = ours(kernels, layer, told, stored, x);
  }
  const theirs = "ONNX Runtime Web QLinearConv";
  engines[theirs] = await runtime(`${stem}.onnx`, "uint8", transposed(x, size * size, channels), [
    1,
    channels,
    size,
    size,
  ]);
  const results = [];
  for (const engine of Object.values(engines)) results.push(Uint8Array.from(await engine.run()));
  const pixels = results[0].length / channels;
  const verdicts = { [theirs]: verdict(transposed(results[0], pixels, channels), results.at(-1)) };
  const times = await race(engines, progress);
  builds.forEach((kernels, k) => kernels.release(marks[k]));
  const title = `depthwise 3×3, ${channels} channels, ${size}×${size}, stride ${stride}`;
  return rowsOf({ title, macs: pixels * channels * TAPS }, times, { verdicts });
}

/** Rows of the table for all layers. */
export async function depthwise(builds, progress) {
  const told = JSON.parse(new TextDecoder().decode(await bytes("depthwise.json")));
  const rows = [];
  for (const [i, layer] of told.layers.entries()) {
    rows.push(...(await raceOf(builds, layer, told, (share) => progress((i + share) / told.layers.length))));
  }
  return rows;
}
