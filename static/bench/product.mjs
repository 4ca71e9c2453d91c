// What the kernels of products take: weights packed for them, struct source and struct product of wasm_kernels/gemm.h, and
// struct images of wasm_kernels/kernels.h.
import { k_pack_weights } from "../../playground/kernels/structs.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { Place } from "../types/kernels"
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
 * @returns where results will be, and the arguments that k_gemm_s8 and k_conv_lines_s8 share
 */
export function prepare(kernels, weights, depth, columns, outputs, kind) {
  const steps = Math.ceil(depth / (kernels.dot === "int16" ? 2 : 4));
  const padded = Math.ceil(columns / 8) * 8;
  const raw = kernels.alloc(Int8Array, weights.length);
  const zeros = kernels.alloc(Int32Array, padded);
  const packed = kernels.alloc(Uint8Array, padded * steps * STEP);
  const [bias, shift] = [kernels.alloc(Int32Array, padded), kernels.alloc(Int32Array, padded)];
  const multiplier = kernels.alloc(Float32Array, padded);
  /** @type {Place<Uint8Array | Int32Array>} */
  const out = kind === CODES ? kernels.alloc(Uint8Array, outputs) : kernels.alloc(Int32Array, outputs);
  const scratch = kernels.alloc(Uint8Array, BLOCK_ROWS * steps * STEP);
  kernels.at(raw).set(new Int8Array(weights.buffer));
  kernels.at(zeros).fill(0);
  kernels.at(multiplier).fill(SCALE);
  const flip = kernels.dot === "signed" ? 0x80 : 0;
  const matrices = { matrices: 1, depth, columns, depth_stride: columns, column_stride: 1 };
  const points = { zero_point: zeros, value_zero_point: ZERO_POINT - flip };
  const folded = bias;
  kernels.call(k_pack_weights, {
    codes: raw,
    is_signed: 1,
    ...points,
    ...matrices,
    bias: zeros,
    packed,
    folded,
    shift,
  });
  const to = { lo: -ZERO_POINT, hi: 255 - ZERO_POINT, zero_point: ZERO_POINT, kind, out };
  const nothing = { added: null, ratio: 1, inner_lo: 0, inner_hi: 0 };
  const product = { weights: packed, bias, shift: null, multiplier, ...nothing, columns, to };
  return { out, given: { source: { is_signed: 0, zero_point: ZERO_POINT, flip }, product, scratch } };
}

/**
 * `struct images` of one image, over which a padded window of 3 x 3 moves.
 * @param {Place} x
 * @param {number} channels
 * @param {number} size of the image, both ways
 * @param {number} stride
 */
export function threeByThree(x, channels, size, stride) {
  const out = Math.floor((size - 1) / stride) + 1;
  const image = { x, batch: 1, height: size, width: size, channels, out_height: out, out_width: out };
  const window = { kernel_h: 3, kernel_w: 3, stride_h: stride, stride_w: stride, dilation_h: 1, dilation_w: 1 };
  return { ...image, ...window, pad_top: 1, pad_left: 1 };
}

export const buildOf = (/** @type {Kernels} */ kernels) => (kernels.dot === "int16" ? "simd128" : "relaxed");
