/** The Tensor view's picture, and what it is worked out from. */
import type { Value } from "./bokeh";
import type { Schema, Settings } from "./messages";

/** What the kernels are told of a convention: playground/app/fast_path.py (_plain). */
export interface Convention {
  qparams_dtype: string;
  min_scale: number;
  below_min_scale: string;
  zero_point_rounding: string;
  symmetric_narrow_formats: string[];
  symmetric_midpoint: string;
  symmetric_zero_points: Record<string, number>;
  multiply_by_reciprocal: boolean;
  zero_point_before_rounding: boolean;
  fused_granularities: string[];
}

/** The tag of the histogram's figure. Controls are known by their label. */
export interface Tag {
  controls: Record<string, { name: string; options: Record<string, Value> }>;
  conventions: Record<string, Convention>;
  schema: Schema;
}

/** A tensor with its values in C order; `key` says which one it is. */
export interface Tensor {
  values: Float32Array;
  shape: number[];
  key: string;
  zoomed?: { first: number; last: number; counts: number[] };
}

export type Pair = [number, number];

/** x seen as [outer][channels][inner]. */
export type Layout = [number, number, number];

/** The codes that a format has, and how its convention spreads a range over them. */
export interface Grid {
  signed: boolean;
  bits: number;
  qmin: number;
  qmax: number;
  symmetricSpan: number;
  symmetricZeroPoint: number;
}

export interface Histogram {
  edges: Float64Array;
  counts: Int32Array | number[];
}

/** Errors of all values, and what the shown scale makes of them. */
export interface Errors {
  /** Sums of squares. */
  signal: number;
  noise: number;
  maxError: number;
  clippedShare: number;
  clippingErrorShare: number;
  /** Between these bounds values are rounded, outside they are clipped. */
  limits: Pair;
  levelCounts: Int32Array;
  errorEdges: Float64Array;
  errorCounts: Int32Array;
  /** What the lowest and the highest code of each scale stand for. */
  endLo: Float32Array;
  endHi: Float32Array;
}

export interface Storage {
  bytesBefore: number;
  bytesAfter: number;
  bitsPerWeight: number;
}

/** Levels, staircase and the codes of the histogram's bars, all of the shown scale. */
export interface DrawnGrid {
  transfer: { x: Float32Array; y: Float32Array };
  levels: Float32Array;
  barCodes: Int32Array;
  reals: Float64Array;
  lo: number;
  hi: number;
}

/** Ranges of the channels, widest first, and what their codes reach: empty unless each has a scale. */
export interface Channels {
  channelLo: Float32Array;
  channelHi: Float32Array;
  channelClip: Float32Array[];
}

/** What of the picture is known before levels are drawn. */
export interface Measured extends Histogram, Errors, Storage {
  settings: Settings;
  /** The clip range. */
  asked: Pair;
  axis: number;
  perChannel: boolean;
  grid: Grid;
  shape: number[];
  count: number;
  /** What the histogram of all values runs over. */
  span: Pair;
  shownChannel: number | null;
  scale: number;
  zeroPoint: number;
  scales: number;
}

/** All that is drawn: what playground/tensor_view/picture.py reports, equal bit for bit. */
export interface Picture extends Measured, DrawnGrid, Channels {}

/** A card's texts, by the hook that they go into; `tone` is a class. */
export interface Card {
  value: string;
  remark: string;
  tone?: string;
}
