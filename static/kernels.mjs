// Our kernels on the main thread, on a memory of their own. Arguments are 32-bit words: the fields of the struct that
// stands above each kernel in wasm_kernels/.

const PAGE = 65536;
const STACK = 65536;
const ALIGN = 64;

export class Kernels {
  #end = STACK;

  /** Compiles and instantiates the module at `url`. */
  static async load(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} could not be loaded (HTTP ${response.status})`);
    return Kernels.from(await response.arrayBuffer());
  }

  /** Compiles and instantiates the module. */
  static async from(bytes) {
    const memory = new WebAssembly.Memory({ initial: 2 });
    const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
    return new Kernels(memory, instance.exports);
  }

  constructor(memory, exports) {
    this.memory = memory;
    this.exports = exports;
    exports.__stack_pointer.value = STACK;
    this.words = this.alloc(Int32Array, 64);
  }

  /** An array in the kernels' memory. Views made before a later alloc may be detached: take `at(array)` again. */
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

  release(mark) {
    this.#end = mark;
  }

  /** The typed array of what `alloc` gave. */
  at({ Type, offset, length }) {
    return new Type(this.memory.buffer, offset, length);
  }

  /** Calls a kernel: arrays go by address, {float: x} by its bits, numbers as int32. */
  call(name, ...args) {
    const words = this.at(this.words);
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    args.forEach((arg, i) => {
      if (typeof arg === "object" && "float" in arg) floats[i] = arg.float;
      else words[i] = typeof arg === "object" ? arg.offset : arg;
    });
    this.exports[name](this.words.offset);
  }
}
