/** bench.html: engines that are timed, and the rows of its table. */
import type { Kernels } from "../kernels.mjs";
import type { TypedArray } from "./kernels";

/** What an engine gives: numbers, or nothing from a loop that only multiplies. */
export type Result = Exclude<TypedArray, BigInt64Array> | void;

export interface Engine {
  run(): Result | Promise<Result>;
  /** Gives its memory back. */
  release?(): void;
}

/** Engine -> whatever is known of it. */
export type ByEngine<T> = Record<string, T>;

/** Milliseconds a run. */
export interface Timing {
  best: number;
  median: number;
  p95: number;
}

export interface Row {
  shape: string;
  engine: string;
  bestMs: number;
  medianMs: number;
  p95Ms: number;
  /** 10^9 multiply-adds a second. */
  gmacs: number;
  ratio: number;
  result: string;
}

/** Where other bytes stand in a file, and these in hex. */
export type Change = [number, string];

/** litert.json: net -> kind -> what a `.tflite` file for batches of sixteen has in other places. */
export type Changes = Record<string, Record<string, Change[]>>;

/** What nets take. */
export type NetInput = Float32Array | BigInt64Array;

/** What `.tflite` files take, and give. */
export type SameInput = Float32Array | Int32Array | Int8Array;
export type SameOutput = typeof Float32Array | typeof Int8Array;

/** A file of tests/benchmarks/same_files.py: same.json. */
export interface SameFile {
  input: ["float32" | "int32" | "int8", number[]];
  output: "float32" | "int8";
  /** What one code is in the output; 0 of floats. */
  code: number;
  /** How far floats may be apart, as a share of the largest. */
  share: number;
  macs: number;
}

export interface Target {
  what: string;
  wanted: number;
  found: number;
  met: boolean;
  /** Why it may be missed here for no fault of the kernels. */
  note?: string;
}

/** Is told which share is done. */
export type Share = (share: number) => void;

export type Section = (builds: Kernels[], progress: Share) => Promise<Row[]>;

/** A layer of tests/benchmarks/depthwise.py. */
export interface DepthwiseLayer {
  stem: string;
  channels: number;
  size: number;
  stride: number;
  /** Bytes, by how products are formed. */
  scratch: Record<string, number>;
}

/** depthwise.json. */
export interface DepthwiseFile {
  multiplier: number;
  xZero: number;
  yZero: number;
  layers: DepthwiseLayer[];
}

/** A network of tests/benchmarks/net_programs.py: nets.json. */
export interface Net {
  macs: number;
  input: ["float32" | "int64", number[]];
}

/** A program for one batch size. */
export interface Program {
  /** Bytes of its arena. */
  nbytes: number;
  /** Where constants go: [in the arena, in the file, bytes]. */
  constants: [number, number, number][];
  /** Kernels in order: name, argument words, which of those are addresses. */
  calls: [string, number[], number[]][];
  input: number;
  output: [number, number];
}

/** Files of one net: what comes in, and for each build its programs. */
export interface NetPrograms {
  programs: Record<string, Program>;
  constants: Uint8Array;
}

export interface NetFiles {
  input: Uint8Array<ArrayBuffer>;
  floats: NetPrograms;
  builds: Record<string, NetPrograms>;
}
