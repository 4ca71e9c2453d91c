// Arrays and files in the form that an engine takes.

/** @import { Change, NetInput } from "../types/bench" */

/**
 * [rows][columns] to [columns][rows].
 * @template {Uint8Array | Float32Array} T
 * @param {T} x
 * @param {number} rows
 * @param {number} columns
 */
export function transposed(x, rows, columns) {
  const made = /** @type {T} */ (x.slice());
  for (let i = 0; i < rows; i += 1) for (let j = 0; j < columns; j += 1) made[j * rows + i] = x[i * columns + j];
  return made;
}

/**
 * An input as LiteRT.js's models take it: images with the channels last, indices of 32 bits.
 * @param {NetInput} input
 * @param {number[]} sizes the batch's first
 */
export function channelsLast(input, sizes) {
  if (input instanceof BigInt64Array) return { data: Int32Array.from(input, Number), shape: sizes };
  if (sizes.length !== 4) return { data: input, shape: sizes };
  const [batch, channels, height, width] = sizes;
  const each = input.length / batch;
  const data = new Float32Array(input.length);
  for (let i = 0; i < input.length; i += each) {
    data.set(transposed(input.subarray(i, i + each), channels, height * width), i);
  }
  return { data, shape: [batch, height, width, channels] };
}

/**
 * Puts other bytes into a file, in place.
 * @param {Uint8Array} file
 * @param {Change[]} changes offset, bytes in hex
 */
export function change(file, changes) {
  for (const [at, hex] of changes) {
    for (let i = 0; i < hex.length; i += 2) file[at + i / 2] = Number.parseInt(hex.slice(i, i + 2), 16);
  }
}
