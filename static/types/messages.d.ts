/** What the page, its fetcher and the worker with Python say to each other: playground/app/backend.py answers. */
import type { InterpreterLock } from "./engine";
import type { PictureContent } from "./picture";

/** Everything a visitor can choose: playground/settings/. `null` means "as calibrated". */
export interface Settings {
  version?: number;
  view: string;
  model: string;
  /** `null` while only Python knows which tensor is meant. */
  tensor: string | null;
  format: string;
  granularity: string;
  axis: number;
  block_size: number;
  symmetric: boolean;
  narrow_range: boolean;
  convention: string;
  calibrator: string;
  percentile: number;
  /** "mse.steps=40, hqq.p=0.5" */
  calibrator_parameters: string;
  lo: number | null;
  hi: number | null;
  zero_point: number | null;
  zoom: boolean;
  channel: number | null;
  weights: string;
  weights_granularity: string;
  activations: string;
  activation_calibrator: string;
  activation_percentile: number;
  exclude: string;
  formats: string;
  runtime: string;
  algorithms: string;
  parameters: string;
  partial: boolean;
  representation: string;
  sizes: string;
  answer: string;
}

/** What a setting may be: playground/settings/schema.py. */
export interface Field {
  kind: "choice" | "boolean" | "number" | "integer" | "text" | "ids" | "formats" | "parameters" | "sizes";
  /** "tensor" if the Tensor view is drawn with it before Python has answered, "python" if it is drawn by Python alone. */
  view: string;
  /** Whether nothing is a value too: `null`. */
  optional: boolean;
  accepted?: string[];
  lowest?: number;
  highest?: number;
  /** Characters. */
  most?: number;
}

export interface Schema {
  version: number;
  most_characters: number;
  most_fields: number;
  /** A regular expression. */
  number: string;
  fields: Record<string, Field>;
}

/** What Python tells whenever something has changed. */
export interface State {
  settings: Settings;
  query: string;
  /** What the settings' calibrator and runtime are called. */
  calibrator: string;
  runtime: string;
  model: string | null;
  /** Which of the files opened so far is the open one; -1: none was opened. */
  upload: number;
  /** Whether the open model has a graph, so that it can be quantized and run. */
  runs: boolean;
  /** Why layers and engines cannot be measured though it has one: the runtime's files hold none. Empty if they can. */
  unmeasured: string;
  quantized: boolean;
  /** Whether the results that are shown are from before the last change. */
  before: boolean;
  /** Which comparison of both models there is; 0: none. */
  comparison: number;
  /** What undo would take back, in words; empty: nothing. */
  undo: string;
  redo: string;
  answered: boolean;
  /** Whether two files are compared: "", "current", or "earlier" if the second is a quantized model of before. */
  beside: "" | "current" | "earlier";
  calibration: string;
  calibration_name: string;
  recipe_name: string;
  problems: string[];
  samples: string;
  reads_text: boolean;
  /** Whether there are samples to measure the open model on; else inputs are made up. */
  measurable: boolean;
  /** The inputs whose sizes the open model leaves open, whether some have been tried, and those that it runs with. */
  sizes: { inputs: string[]; tried: boolean; choices: { label: string; sizes: string }[] };
}

/** Why something could not be done: playground/errors.py, or our own code. */
export interface Failure {
  kind?: string;
  message: string;
  detail?: string;
  /** A setting that lets the work go on without the offending part. */
  offer?: string;
  /** The kind of the request that failed. */
  about?: Kind;
}

/** A file that `early.mjs` reads from `<link rel="playground-file">`. */
export interface PageFile {
  name: string;
  /** When it is needed: "page", "start", or the way of starting it belongs to. */
  when: string;
  /** "zstd", "gzip", or "" for none. */
  coding: string;
  url: string;
  integrity: string;
  /** The hash of its content after decoding. */
  content: string;
  /** Bytes that travel. */
  bytes: number;
  /** Bytes after decoding. */
  size: number;
  /** Of a snapshot: bytes of the memory it holds. */
  image: number;
}

/** How far the downloads or a stage of the start are. */
export interface Loading {
  stage?: string;
  done?: number;
  total?: number;
}

/** A Bokeh document as JSON, and its roots: name -> id. Of the Tensor view with what is drawn on it. */
export interface DocumentJson {
  doc: object;
  roots: Record<string, string>;
  content?: PictureContent;
}

/** A tensor without its values, which come beside it as a buffer of float32 in C order. */
export interface SubjectContent {
  model: string;
  tensor: string;
  shape: number[];
  /** The histogram of the values' bulk. */
  zoomed?: { first: number; last: number; counts: number[] };
}

/** The views as the build froze them: `frozen.json`. */
export interface Frozen {
  view: string;
  /** Which document it is; Python tells the same key if its own is that one. */
  key: string;
  document: DocumentJson;
  /** The other views' documents, by name. */
  others: Record<string, DocumentJson>;
  state: State;
  subject: SubjectContent;
  advice: Advice;
}

/** The report of a quantization, of which the page itself reads the sentences only. */
export interface Report {
  summary: string;
  /** That and why the runtime does not take the file; empty if it does, or was not asked. */
  refused: string;
}

export interface Quantized {
  name: string;
  report: Report;
}

/** What Export says of the last quantized model. */
export interface QuantizedFile {
  name: string;
  summary: string;
  refused: string;
  /** Whether it was made before the last change of the settings. */
  before: boolean;
  /** Whether its report can be had as a page: not without a graph. */
  page: boolean;
}

/** The sentence on top of a view: playground/app/next_step.py. */
export interface Advice {
  text: string;
  /** What its link says; empty: there is none. */
  label: string;
  gain: string;
  /** What the link does: it presses a control, opens a view, or changes settings. */
  press: string;
  view: string;
  changes: Partial<Settings>;
}

/** Both models' answers to a sample: playground/analysis/sample_answers.py. */
export interface SampleAnswer {
  index: number;
  original: string;
  quantized: string;
  same: boolean;
  label: string;
  /** Grey levels of a digit; empty for anything else. */
  pixels: number[];
}

/** What the worker needs to start Python. */
export interface Setup {
  env: Record<string, string>;
  lock: InterpreterLock;
  snapshot: boolean;
  image: number;
}

export interface Started {
  /** Stage -> milliseconds. */
  times: Record<string, number>;
  restored: boolean;
  /** Why the snapshot was not used, or "". */
  trouble: string;
  /** The key of Python's document. */
  document: string;
}

export interface GalleryEntry {
  id: string;
  title: string;
  about: string;
  made: string;
}

/** One of two files that are compared. */
export interface ComparedFile {
  file: string;
  format: string;
  /** 0: it is in no file. */
  bytes: number;
  notes: string[];
}

/** A tensor that both files have: playground/analysis/comparison.py. */
export interface ComparedPair {
  name: string;
  other: string;
  shape: number[];
  dtypes: [string, string];
  bytes: [number, number];
  /** `null` where the values were not compared, and where it is infinite. */
  sqnr_db: number | null;
  mse: number | null;
  max_error: number | null;
  cosine: number | null;
  /** Why the values were not compared. */
  problem: string;
}

/** What `playground compare --json` prints. */
export interface FilesComparison {
  a: ComparedFile;
  b: ComparedFile;
  /** The worst first. */
  pairs: ComparedPair[];
  other_shapes: { name: string; other: string; shapes: [number[], number[]] }[];
  missing: string[];
  added: string[];
  /** Patterns of names by which more tensors would match, where few do. */
  proposal: string[];
}

/** Counts of two tensors in the same bins. */
export interface PairHistograms {
  lo: number;
  hi: number;
  counts: number[][];
}

/** One of the compared tensors. */
export interface ComparedTensor {
  name: string;
  sentence: string;
  /** `null` where the values cannot be drawn. */
  histograms: PairHistograms | null;
}

export interface Compared {
  comparison: FilesComparison;
  sentence: string;
  /** The tensor that differs most. */
  picture: ComparedTensor | null;
}

/** A request that brings nothing but its name. */
export type Empty = Record<never, never>;

/** Request -> what it brings and what the answer is. */
export interface Requests {
  start: { content: { setup: Setup; options: { query: string } }; result: Started };
  view: { content: { view: string }; result: DocumentJson };
  patch: { content: { view: string; patch: object }; result: null };
  sync: { content: { view: string }; result: null };
  set: { content: { changes: Partial<Settings> }; result: State };
  state: { content: Empty; result: State };
  gallery: { content: Empty; result: GalleryEntry[] };
  reset: { content: Empty; result: State };
  undo: { content: Empty; result: State };
  redo: { content: Empty; result: State };
  forget_steps: { content: Empty; result: State };
  subject: { content: Empty; result: SubjectContent };
  load: { content: { files: File[] }; result: { name: string; tensors: object[]; operators: Record<string, number>; summary: string } };
  calibration: { content: { files: File[] }; result: object };
  image: {
    content: {
      height: number;
      width: number;
      files: File[];
      index: number;
      total: number;
      choices: Record<string, string>;
      purpose: "calibration" | "run";
    };
    result: object | null;
  };
  recipe: { content: { files: File[]; keep?: boolean }; result: { name: string; brings: string } };
  sizes: { content: Empty; result: string[] };
  quantize: { content: Empty; result: Quantized };
  sensitivity: { content: Empty; result: Quantized };
  mixed: { content: Empty; result: Quantized };
  improve: { content: Empty; result: Quantized };
  curve: { content: Empty; result: Quantized };
  compare: { content: { second: "file" | "quantized" | "again"; rename: string; files?: File[] }; result: Compared };
  compared_tensor: { content: { name: string }; result: ComparedTensor };
  end_comparison: { content: Empty; result: null };
  report_page: { content: Empty; result: { name: string } };
  cancel: { content: { target: number }; result: unknown };
  report: { content: Empty; result: Report | null };
  file: { content: Empty; result: Quantized };
  advice: { content: { view: string }; result: Advice };
  answers: { content: Empty; result: { title: string; hint: string; samples: SampleAnswer[] } };
  run: {
    content: { inputs?: object; files?: File[]; made_up?: boolean; sample?: number; images?: boolean };
    result: { outputs: Record<string, object>; sentence: string };
  };
  race: { content: Empty; result: { notes: string[] } };
  sample: {
    content: { index?: number; pixels?: number[] };
    result: { pixels: number[]; sentence: string };
  };
  prompt: { content: { text: string }; result: { sentence: string; float: string; quantized: string } };
  export: {
    content: Empty;
    result: {
      query: string;
      recipe: string;
      /** Why the controls make no recipe; empty where they do. */
      obstacle: string;
      python: string;
      /** That make the quantized model, a tool each, or why the tool cannot; empty before it is quantized. */
      scripts: { id: string; name: string; code: string; reason: string }[];
      file: QuantizedFile | null;
    };
  };
}

export type Kind = keyof Requests;

export interface Answer<K extends Kind> {
  result: Requests[K]["result"];
  buffers: ArrayBuffer[];
}

/** A request under way; `id` is what a `cancel` names. */
export type Running<K extends Kind> = Promise<Answer<K>> & { id: number; about: K };

export interface Progress {
  id: number;
  message: string;
  done: number;
  total: number;
  seconds_left?: number | null;
}

export interface Patch {
  view: string;
  patch: { events: object[]; buffer_ids?: string[] };
  buffers: ArrayBuffer[];
}

/** What comes from the worker. */
export type FromWorker =
  | { kind: "answer"; id: number; result?: unknown; error?: Failure; buffers?: ArrayBuffer[] }
  | { kind: "alive"; locked: boolean }
  | { kind: "dying"; reason: string }
  | ({ kind: "boot" } & Loading)
  | ({ kind: "patch" } & Patch)
  | { kind: "picture"; content: PictureContent }
  | ({ kind: "progress" } & Progress)
  | { kind: "state"; state: State }
  | { kind: "problem"; message: string };

/** What `Client` dispatches: event -> detail. */
export interface ClientEvents {
  boot: Loading;
  patch: Patch;
  picture: { content: PictureContent };
  progress: Progress;
  state: { state: State };
  problem: { message: string };
  /** What the visitor has chosen was refused. */
  failed: Failure;
  /** A request was answered by a result: its kind. */
  succeeded: Kind;
  /** The worker has ended; why. */
  stopped: string;
}

/** What `Files` dispatches. */
export interface FilesEvents {
  progress: Loading;
  failed: string;
}

/** A message to the page's fetcher: first the list, then ports. */
export type ToFetcher =
  | { list: PageFile[]; mode: string; port?: undefined }
  | { port: MessagePort; list?: undefined }
  | { kept: MessagePort; list?: undefined; port?: undefined };

/** What the fetcher answers at a port of Python's worker. */
export interface FetchedFile {
  name: string;
  bytes?: ArrayBuffer;
  error?: { kind: string; message: string };
}
