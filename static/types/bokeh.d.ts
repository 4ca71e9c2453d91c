/** What the page uses of Bokeh, which is a script of its own: window.Bokeh. */

interface Signal {
  connect(slot: () => void): void;
  emit(): void;
}

export interface Model {
  readonly id: string;
  readonly document: BokehDocument;
  tags?: unknown[];
  properties: Record<string, { change: Signal }>;
  change: Signal;
  setv(values: object, options?: { sync: boolean }): void;
}

/** Values of one column. */
export type Column = ArrayLike<unknown>;
/** Numbers of one column, for which plain and typed arrays are alike. */
export type Numbers = number[] | Float32Array | Float64Array | Int32Array;

export interface Range extends Model {
  start: number;
  end: number;
}

export interface Figure extends Model {
  name: string | null;
  visible: boolean;
  x_range: Range;
  y_range: Range;
  tags: unknown[];
  visible: boolean;
}

export interface Source extends Model {
  data: Record<string, Column>;
}

export interface Span extends Model {
  location: number;
  visible: boolean;
}

export interface Div extends Model {
  text: string;
}

/** What a control stands at. */
export type Value = number | string | boolean | null | [number, number];

/** The part of a control that holds its value; Panel's component refers to it by `data`. */
export interface Control extends Model {
  label: string;
  value: Value;
  start?: number;
  end?: number;
  step?: number;
  options?: unknown;
  helper_text?: string;
  /** Of a field: what is typed, before it is taken. */
  value_input?: string;
  /** Of a menu: what is shown of the choice, and what cannot be chosen. */
  value_label?: string;
  disabled_options?: string[];
}

/** Panel's component around a control. */
export interface Component extends Model {
  data: Control;
  visible: boolean;
}

/** Name -> model, as the views in playground/app/ name them. */
export interface NamedModels {
  "histogram-bars": Source;
  "error-bars": Source;
  "error-before": Source;
  "transfer-line": Source;
  "transfer-before": Source;
  "transfer-diagonal": Source;
  "channel-bars": Source;
  "channel-shown": Source;
  "channel-ranges": Source;
  histogram: Figure;
  error: Figure;
  transfer: Figure;
  channels: Figure;
  "channel-span-lo": Span;
  "channel-span-hi": Span;
  "tensor-numbers": Div;
  "histogram-text": Div;
  "error-text": Div;
  "channels-text": Div;
  "formula-text": Div;
  "transfer-text": Div;
  inventory: Source;
  "layer-harm-bars": Source;
  "layer-noise-bars": Source;
  "front-points": Source;
  "samples-points": Source;
  "activation-bars": Source;
  answers: Source;
}

/** A model of any kind, with what the page looks for in all of them. */
export type AnyModel = Model & { label?: string; value?: Value; data?: { id?: string } };

export interface ModelChanged {
  kind: "ModelChanged";
  model: AnyModel;
  attr: string;
  value: unknown;
  events?: undefined;
}

/** One change of a document, or several that were made at once. */
export type Change =
  | ModelChanged
  | { kind: "MessageSent" | "ColumnDataChanged" | "TitleChanged"; events?: undefined }
  | { kind: "DocumentEventBatch"; events: Change[] };

export interface BokehDocument {
  /** Of the views that show it. */
  views_manager?: { clear(): void };
  roots(): Model[];
  all_models: Iterable<AnyModel> & { values(): IteratorObject<AnyModel> };
  get_model_by_name<K extends keyof NamedModels>(name: K): NamedModels[K] | null;
  on_change(listener: (change: Change) => void): void;
  create_json_patch(changes: Change[]): object;
  apply_json_patch(patch: object, buffers: Map<string, ArrayBuffer | undefined>): void;
}

export interface View {
  el: HTMLElement;
  /** Of a Div: the element that holds its text, within the shadow root. */
  markup_el?: HTMLElement;
  is_destroyed: boolean;
}

/** A rectangle in a plot's pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What a plot was exported to. */
export interface Layer {
  ctx: CanvasRenderingContext2D;
  to_blob(): Promise<Blob>;
}

export interface PlotView extends View {
  frame: { x_scale: { compute(x: number): number }; y_scale: { compute(y: number): number }; bbox: Box };
  bbox: Box;
  visuals: { background_fill: object };
  export(type: "png" | "svg"): Layer;
  invalidate_layout(): void;
}

export interface ViewManager {
  build_view(model: BokehModel, parent?: unknown): Promise<unknown>;
}

export interface BokehModules {
  "core/view_manager": { ViewManager: { prototype: ViewManager } };
  document: { Document: { from_json(json: object): BokehDocument } };
  "models/formatters": {
    NumeralTickFormatter: new (options: { format: string }) => { doFormat(values: number[]): string[] };
  };
}

declare global {
  const Bokeh: {
    documents: BokehDocument[];
    require<K extends keyof BokehModules>(module: K): BokehModules[K];
    index: { find_one_by_id(id: string): View | null };
    embed: {
      add_document_standalone(document: BokehDocument, element: HTMLElement, roots: HTMLElement[]): Promise<unknown>;
    };
  };
}
