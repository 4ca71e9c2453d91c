// Weights packed for our kernels, and the arguments of an integer product: struct product of wasm_kernels/gemm.h.

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { Argument, Place } from "../types/kernels"
 */

export const CODES = 0;
export const ACCUMULATORS = 2;
export const ZERO_POINT = 128;
export const SCALE = (0.02 * 0.01) / 0.5;

const BLOCK_ROWS = 24;
const STEP = 4;

/**
 * Packs weights and takes memory for the product.
 * @param {Kernels} kernels
 * @param {Uint8Array<ArrayBuffer>} weights octets of int8 [depth][columns], zero-points 0; multiplied by uint8 codes with
 *   ZERO_POINT
 * @param {number} depth
 * @param {number} columns
 * @param {number} outputs how many
 * @param {number} kind CODES or ACCUMULATORS
 * @returns {{ out: Place<Uint8Array | Int32Array>, args: Argument[] }}
 */
export function prepare(kernels, weights, depth, columns, outputs, kind) {
  const steps = Math.ceil(depth / (kernels.dot === "int16" ? 2 : 4));
  const padded = Math.ceil(columns / 8) * 8;
  const raw = kernels.alloc(Int8Array, weights.length);
  const zeros = kernels.alloc(Int32Array, padded);
  const packed = kernels.alloc(Uint8Array, padded * steps * STEP);
  const [bias, shift] = [kernels.alloc(Int32Array, padded), kernels.alloc(Int32Array, padded)];
  const multiplier = kernels.alloc(Float32Array, padded);
  const out = kind === CODES ? kernels.alloc(Uint8Array, outputs) : kernels.alloc(Int32Array, outputs);
  const scratch = kernels.alloc(Uint8Array, BLOCK_ROWS * steps * STEP);
  kernels.at(raw).set(new Int8Array(weights.buffer));
  kernels.at(zeros).fill(0);
  kernels.at(multiplier).fill(SCALE);
  const flip = kernels.dot === "signed" ? 0x80 : 0;
  const source = [raw, 1, zeros, 1, depth, columns, columns, 1, ZERO_POINT - flip, zeros];
  kernels.call("k_pack_weights", ...source, packed, bias, shift);
  const epilogue = [{ float: -ZERO_POINT }, { float: 255 - ZERO_POINT }, ZERO_POINT, kind, out];
  return { out, args: [0, ZERO_POINT, flip, packed, bias, 0, multiplier, columns, ...epilogue, scratch] };
}

export const buildOf = (/** @type {Kernels} */ kernels) => (kernels.dot === "int16" ? "simd128" : "relaxed");
