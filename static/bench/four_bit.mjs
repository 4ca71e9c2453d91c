// One row of float32 times 4-bit weights in blocks of 32, multiplied as float32 or brought to int8 first: ours and ONNX
// Runtime Web's MatMulNBits, without and with accuracy_level 4.
import { k_gemv_4bit, k_gemv_4bit_s8, k_quantize_blocks } from "../../playground/kernels/structs.mjs";
import { bytes, runtime } from "./files.mjs";
import { buildOf } from "./product.mjs";
import { codes, race, resultsOf, rowsOf, verdict } from "./timing.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { ByEngine, Engine, Section } from "../types/bench"
 */

const SIZE = 2048;
const BLOCKS = SIZE / 32;

/**
 * What the 16 codes stand for, octet by octet: all first octets, then all second ones ...
 * @param {Float32Array<ArrayBuffer> | Int16Array<ArrayBuffer>} numbers
 */
function planes(numbers) {
  const octets = new Uint8Array(numbers.buffer);
  const each = numbers.BYTES_PER_ELEMENT;
  return Uint8Array.from({ length: octets.length }, (_, i) => octets[(i % 16) * each + Math.floor(i / 16)]);
}

const values = Array.from({ length: 16 }, (_, code) => code - 8);

/**
 * The octets of an array, in the kernels' memory.
 * @param {Kernels} kernels
 * @param {Uint8Array | Float32Array} array
 */
function place(kernels, array) {
  const made = kernels.alloc(Uint8Array, array.byteLength);
  kernels.at(made).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return made;
}

/**
 * @param {Kernels} kernels
 * @param {Uint8Array} weights
 * @param {Float32Array} scales
 * @param {Float32Array} x
 * @returns {Engine}
 */
function floats(kernels, weights, scales, x) {
  const [input, out] = [kernels.alloc(Float32Array, SIZE), kernels.alloc(Float32Array, SIZE)];
  const arrays = [weights, scales, planes(Float32Array.from(values))];
  const [octets, scale, codebook] = arrays.map((array) => place(kernels, array));
  const given = { rows: 1, depth: SIZE, columns: SIZE, codes: octets, scale, codebook, bias: null };
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call(k_gemv_4bit, { x: input, ...given, out });
      return kernels.at(out);
    },
  };
}

/**
 * @param {Kernels} kernels
 * @param {Uint8Array} weights
 * @param {Float32Array} scales
 * @param {Float32Array} x
 * @returns {Engine}
 */
function integers(kernels, weights, scales, x) {
  const [input, out] = [kernels.alloc(Float32Array, SIZE), kernels.alloc(Float32Array, SIZE)];
  const [quantized, steps] = [kernels.alloc(Int8Array, SIZE), kernels.alloc(Float32Array, BLOCKS)];
  const arrays = [weights, scales, planes(Int16Array.from(values))];
  const [octets, scale, codebook] = arrays.map((array) => place(kernels, array));
  const rows = { rows: 1, depth: SIZE, block: 32 };
  const given = { x_scale: steps, columns: SIZE, codes: octets, scale, points: null, codebook, bias: null };
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call(k_quantize_blocks, { x: input, ...rows, scale: steps, codes: quantized });
      kernels.call(k_gemv_4bit_s8, { x: quantized, ...rows, ...given, out });
      return kernels.at(out);
    },
  };
}

const THEIRS = { float32: "ONNX Runtime Web MatMulNBits", int8: "ONNX Runtime Web MatMulNBits, accuracy level 4" };
/**
 * @param {Kernels} kernels
 * @param {string} kind
 */
const mine = (kernels, kind) => `Ours (${buildOf(kernels)}), 4-bit weights, ${kind}`;

/**
 * Rows of the table.
 * @type {Section}
 */
export async function fourBit(builds, progress) {
  const x = Float32Array.from(codes(SIZE), (code) => (code - 128) / 64);
  const [weights, scales] = [await bytes("codes-4bit.bin"), new Float32Array((await bytes("scales-4bit.bin")).buffer)];
  const marks = builds.map((kernels) => kernels.mark());
  /** @type {ByEngine<Engine>} */
  const engines = {};
  for (const kernels of builds) {
    engines[mine(kernels, "float32")] = floats(kernels, weights, scales, x);
    engines[mine(kernels, "int8")] = integers(kernels, weights, scales, x);
  }
  engines[THEIRS.float32] = await runtime("matmulnbits.onnx", "float32", x, [1, SIZE]);
  engines[THEIRS.int8] = await runtime("matmulnbits-int8.onnx", "float32", x, [1, SIZE]);
  const results = await resultsOf(engines, Float32Array);
  const pairs = Object.fromEntries(Object.entries(THEIRS).map(([kind, name]) => [name, mine(builds[0], kind)]));
  const verdicts = Object.fromEntries(
    Object.entries(pairs).map(([name, same]) => [name, verdict(results[same], results[name], 1e-5)]),
  );
  const times = await race(engines, progress);
  for (const [k, kernels] of builds.entries()) kernels.release(marks[k]);
  return rowsOf({ title: `1 × ${SIZE} × ${SIZE}, ${BLOCKS} blocks a column`, macs: SIZE * SIZE }, times, {
    pairs,
    verdicts,
  });
}
