// Our kernels on the main thread, on a memory of their own. Arguments are 32-bit words: the fields of the struct that
// stands above each kernel in wasm_kernels/, of which the build makes playground/kernels/structs.mjs. There are two builds
// of the kernels: see playground/host/kernel_module.py.
import { k_relaxed_dot } from "../playground/kernels/structs.mjs";

/** @import { ArrayType, Dot, KernelExports, Place, Struct, TypedArray } from "./types/kernels" */

const PAGE = 65536;
const STACK = 65536;
const ALIGN = 64;

// A module of one function, which is i32x4.relaxed_dot_i8x16_i7x16_add_s: valid where that exists.
const RELAXED_OPCODE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2,
  253, 147, 2, 11,
]);

/** What `k_relaxed_dot` has found -> how products of octets are formed; 0: neither exact nor fast. */
const DOTS = /** @type {const} */ ([undefined, "unsigned", "signed"]);

export class Kernels {
  #end = STACK;

  /**
   * Compiles and instantiates the module at `url`.
   * @param {string} url
   */
  static async load(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} could not be loaded (HTTP ${response.status})`);
    return Kernels.from(await response.arrayBuffer());
  }

  /**
   * Compiles and instantiates the module.
   * @param {BufferSource} bytes
   */
  static async from(bytes) {
    const memory = new WebAssembly.Memory({ initial: 2 });
    const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
    return new Kernels(memory, /** @type {KernelExports} */ (instance.exports));
  }

  /**
   * The relaxed build at `url` if this machine computes its dot products exactly, else null.
   * @param {string} url
   */
  static async relaxed(url) {
    if (!WebAssembly.validate(RELAXED_OPCODE)) return null;
    const kernels = await Kernels.load(url);
    const found = kernels.alloc(Int32Array, 1);
    kernels.call(k_relaxed_dot, { found });
    const dot = DOTS[kernels.at(found)[0]];
    if (!dot) return null;
    kernels.dot = dot;
    return kernels;
  }

  /**
   * How integer products are formed: "int16", or of octets, the second operand "unsigned" or "signed".
   * @type {Dot}
   */
  dot = "int16";

  /**
   * @param {WebAssembly.Memory} memory
   * @param {KernelExports} exports
   */
  constructor(memory, exports) {
    this.memory = memory;
    this.exports = exports;
    exports.__stack_pointer.value = STACK;
    this.words = this.alloc(Int32Array, 64);
  }

  /**
   * An array in the kernels' memory. Views made before a later alloc may be detached: take `at(array)` again.
   * @template {TypedArray} T
   * @param {ArrayType<T>} Type
   * @param {number} length
   * @returns {Place<T>}
   */
  alloc(Type, length) {
    const offset = Math.ceil(this.#end / ALIGN) * ALIGN;
    this.#end = offset + length * Type.BYTES_PER_ELEMENT;
    const missing = this.#end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return { Type, offset, length };
  }

  /** Where the next array would start; `release` gives back all that was taken since. */
  mark() {
    return this.#end;
  }

  /** @param {number} mark */
  release(mark) {
    this.#end = mark;
  }

  /**
   * The typed array of what `alloc` gave.
   * @template {TypedArray} T
   * @param {Place<T>} place
   */
  at({ Type, offset, length }) {
    return new Type(this.memory.buffer, offset, length);
  }

  /**
   * Calls a kernel: arrays go by address, floats by their bits, numbers as int32.
   * @template Given
   * @param {Struct<Given>} struct one of structs.mjs
   * @param {NoInfer<Given>} given every field of the struct by name
   */
  call(struct, given) {
    const words = this.at(this.words);
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    const [name, ...fields] = struct;
    for (const [i, field] of fields.entries()) {
      const isFloat = field.startsWith("*");
      const value = valueAt(given, isFloat ? field.slice(1) : field);
      if (value === undefined) throw new Error(`${name} was called without ${field}`);
      if (isFloat) floats[i] = value;
      else words[i] = typeof value === "object" ? (value?.offset ?? 0) : value;
    }
    this.exports[name](this.words.offset);
  }
}

/**
 * A field of an object, or a field of a field: `to.kind`.
 * @param {any} of
 * @param {string} path
 */
function valueAt(of, path) {
  if (!path.includes(".")) return of[path];
  return path.split(".").reduce((part, name) => part?.[name], of);
}
