// Python's picture, as playground/tensor_view/content.py writes it, brought into the types that the page's own one has.

/**
 * @import { Picture } from "../types/picture"
 * @typedef {Float32ArrayConstructor | Float64ArrayConstructor | Int32ArrayConstructor} Numbers
 */

/** @type {Record<string, Numbers>} */
const ARRAYS = {
  edges: Float64Array,
  counts: Int32Array,
  levels: Float32Array,
  levelCounts: Int32Array,
  codes: Int32Array,
  numbers: Float32Array,
  reals: Float64Array,
  barPlaces: Int32Array,
  barReals: Float32Array,
  errorEdges: Float64Array,
  errorCounts: Int32Array,
  channelOrder: Int32Array,
  channelLo: Float32Array,
  channelHi: Float32Array,
};

/**
 * @param {object} content whatever Python sent: lists become arrays of numbers, whatever is in them
 * @returns {Picture}
 */
export function readPicture(content) {
  const told = /** @type {Record<string, any>} */ (content);
  const arrays = Object.entries(ARRAYS).map(([name, Type]) => [name, Type.from(told[name])]);
  const { x, y } = told.transfer;
  const read = {
    ...told,
    ...Object.fromEntries(arrays),
    transfer: { x: Float32Array.from(x), y: Float32Array.from(y) },
    channelClip: told.channelClip.map((/** @type {number[]} */ ends) => Float32Array.from(ends)),
  };
  return /** @type {Picture} */ (/** @type {unknown} */ (read));
}
