/** Our kernels as the page calls them: static/kernels.mjs. */

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array;

/** A typed array's constructor, as far as it is used here. */
export interface ArrayType<T extends TypedArray> {
  new (buffer: ArrayBuffer, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** An array in the kernels' memory. */
export interface Place<T extends TypedArray = TypedArray> {
  Type: ArrayType<T>;
  offset: number;
  length: number;
}

/** What goes by its address: an array, or null for none. */
export type Address = Place | null;

/**
 * A kernel: its name, then the words of the struct that it takes, in order. `Given` is what a call names.
 * playground/kernels/structs.mjs has one for each kernel.
 */
export type Struct<Given> = readonly string[] & { readonly given?: Given };

/** How integer products are formed. */
export type Dot = "int16" | "unsigned" | "signed";

/** The module's exports: a kernel takes the address of its argument words. */
export type KernelExports = Record<string, (words: number) => void> & {
  __stack_pointer: WebAssembly.Global;
  __indirect_function_table: WebAssembly.Table;
};
