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

/** An argument: an array goes by address, `float` by its bits, a number as int32. */
export type Argument = number | { float: number } | Place;

/** How integer products are formed. */
export type Dot = "int16" | "unsigned" | "signed";

/** A kernel of wasm_kernels/ that is called from JavaScript. */
export type KernelName =
  | "k_centre_codes"
  | "k_clip_limits"
  | "k_clip_range"
  | "k_conv_s8"
  | "k_count_codes"
  | "k_depthwise_s8"
  | "k_dequantize"
  | "k_error_bins"
  | "k_error_stats"
  | "k_gemm_s8"
  | "k_gemv_4bit"
  | "k_gemv_4bit_s8"
  | "k_histogram"
  | "k_linspace"
  | "k_minmax"
  | "k_minmax_channels"
  | "k_pack_weights"
  | "k_qparams"
  | "k_quantize"
  | "k_quantize_blocks"
  | "k_reals"
  | "k_relaxed_dot"
  | "k_run"
  | "k_spread"
  | "k_widths";

/** The module's exports: a kernel takes the address of its argument words. */
export type KernelExports = Record<KernelName, (words: number) => void> & {
  __stack_pointer: WebAssembly.Global;
  __indirect_function_table: WebAssembly.Table;
};
