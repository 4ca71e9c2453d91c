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

export interface FormatFacts {
  bits: number;
  family: string;
}

export interface CalibratorFacts {
  title: string;
  parameters: {
    name: string;
    default: number;
    minimum: number;
    maximum: number;
    integer: boolean;
    summary: string;
  }[];
}

/** The tag of the histogram's figure. Controls are known by their label. */
export interface Tag {
  controls: Record<string, { name: string; options: Record<string, Value> }>;
  conventions: Record<string, Convention>;
  formats: Record<string, FormatFacts>;
  calibrators: Record<string, CalibratorFacts>;
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
  counts: Int32Array;
}

/** What has to be known of a scheme to put it into words. */
export interface SchemeFacts {
  family: string;
  fitted: boolean;
  granularity: string;
  scaled: boolean;
  symmetric: boolean;
  /** Whether scales follow from a range, which a calibrator finds. */
  ranged: boolean;
  /** Whether zero is drawn into the range. */
  holdsZero: boolean;
  /** Whether levels are `scale × (code − zeroPoint)`. */
  affine: boolean;
}

/** What takes a look at every value. */
export interface Errors {
  /** Sums of squares. */
  signal: number;
  noise: number;
  maxError: number;
  clippedShare: number;
  clippingErrorShare: number;
  /** Of the shown scale. */
  levelCounts: Int32Array;
  errorEdges: Float64Array;
  errorCounts: Int32Array;
}

export interface Storage {
  bytesBefore: number;
  bytesAfter: number;
  bitsPerWeight: number;
}

/** Levels, staircase and where the histogram's bars go, all of the shown scale. */
export interface DrawnGrid {
  transfer: { x: Float32Array; y: Float32Array };
  /** Empty if there are too many to list. */
  levels: Float32Array;
  levelCount: number;
  codes: Int32Array;
  /** What codes stand for before scaling. */
  numbers: Float32Array;
  /** The levels, in float64 where they are affine. */
  reals: Float64Array;
  /** For each bar the place of the level that its centre goes to, or, if none are listed, the value. */
  barPlaces: Int32Array;
  barReals: Float32Array;
  lo: number;
  hi: number;
}

/** Ranges of channels, widest first, and what their codes reach: empty unless there are several scales. */
export interface Channels {
  channelOrder: Int32Array;
  channelLo: Float32Array;
  channelHi: Float32Array;
  channelClip: Float32Array[];
}

/** All that is drawn: playground/tensor_view/content.py says it with the same names, equal bit for bit. */
export interface Picture extends Histogram, SchemeFacts, Errors, Storage, DrawnGrid, Channels {
  settings: Settings;
  shape: number[];
  count: number;
  axis: number;
  /** How many there are along the axis. */
  channels: number;
  scales: number;
  /** The scale that is drawn; `null` if there is one for all. */
  shownChannel: number | null;
  /** The clip range. */
  asked: Pair;
  /** Where it begins and ends with zero in it, or made symmetric. */
  handles: Pair;
  /** Between these bounds values are rounded, outside they are clipped; `null`: none. */
  limits: [number | null, number | null];
  scale: number;
  zeroPoint: number;
  offset: number;
  step: number;
  codeRange: Pair;
  /** What the histogram of all values runs over. */
  span: Pair;
}

/** What the model makes of the quantized tensor, and of the float one. */
export interface Answers {
  accuracy: number;
  crossEntropy: number;
  floatAccuracy: number;
  floatCrossEntropy: number;
  count: number;
  noun: string;
}

/** What Python tells of the Tensor view: TensorView.content in playground/app/tensor_view.py. */
export interface PictureContent {
  picture: object | null;
  answers: Answers | null;
  /** One sentence, or "". */
  problem: string;
  /** Calibrator -> why the format does not take it. */
  refused: Record<string, string>;
  /** Label -> value of the tensor picker, if that has changed. */
  tensors?: Record<string, string>;
}

/** A number with its label; `tone` is a class. */
export interface Card {
  label: string;
  value: string;
  remark: string;
  tone?: string;
}
