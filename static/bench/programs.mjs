// Programs that were compiled when the site was built: tests/benchmarks/net_programs.py writes them.
import { k_run } from "../../playground/kernels/structs.mjs";
import { bytes, json } from "./files.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { TypedArray } from "../types/kernels"
 * @import { Engine, Program, SameOutput } from "../types/bench"
 */

/**
 * The files of a program.
 * @param {string} stem
 * @returns {Promise<{ programs: any, constants: Uint8Array }>}
 */
export async function programsOf(stem) {
  return { programs: await json(`${stem}.json`), constants: await bytes(`${stem}.bin`) };
}

/**
 * The place of every kernel in the module's function table, which a program's first words name.
 * @param {Kernels} kernels
 */
function slotsOf(kernels) {
  const table = kernels.exports.__indirect_function_table;
  return (/** @type {string} */ name) => table.grow(1, kernels.exports[name]);
}

/**
 * Puts a program into the kernels' memory; `run` copies the input in and makes one call.
 * @param {Kernels} kernels
 * @param {Program} program
 * @param {Uint8Array} constants
 * @param {TypedArray} input
 * @param {SameOutput} Type of what it gives
 * @returns {Engine}
 */
export function loadProgram(kernels, program, constants, input, Type = Float32Array) {
  const arena = kernels.alloc(Uint8Array, program.nbytes);
  const octets = kernels.at(arena);
  for (const [at, from, n] of program.constants) octets.set(constants.subarray(from, from + n), at);
  /** @type {Record<string, number>} */
  const slots = {};
  const slot = slotsOf(kernels);
  /** @type {number[]} */
  const words = [];
  for (const [name, args, places] of program.calls) {
    slots[name] ??= slot(name);
    words.push(slots[name], args.length);
    const start = words.length;
    words.push(...args);
    for (const i of places) words[start + i] += arena.offset;
  }
  const code = kernels.alloc(Int32Array, words.length);
  kernels.at(code).set(words);
  const [at, count] = program.output;
  const octetsOfInput = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  const source = { Type: Uint8Array, offset: arena.offset + program.input, length: input.byteLength };
  /** @type {import("../types/kernels").Place<any>} */
  const result = { Type, offset: arena.offset + at, length: count };
  return {
    run() {
      kernels.at(source).set(octetsOfInput);
      kernels.call(k_run, { program: code, words: words.length });
      return kernels.at(result);
    },
  };
}
