/** The page's elements, its own names on `window`, and what the DOM's types lack. */
import type { Client } from "../client.mjs";
import type { FastPath } from "../fastpath/index.mjs";
import type { Files } from "../files.mjs";
import type { Answer, Compared, Failure, FilesComparison, Frozen, Kind, Quantized, Report, Running, Settings, State } from "./messages";

/** Stages of the start -> milliseconds. */
export type Times = Record<string, number>;

/** Id -> element of index.html. In embed.html, which has fewer, only those are asked for that it has. */
export interface ElementsById {
  boot: HTMLElement;
  "boot-stage": HTMLElement;
  "boot-amount": HTMLElement;
  "boot-bar": HTMLProgressElement;
  failure: HTMLElement;
  "failure-text": HTMLElement;
  retry: HTMLButtonElement;
  toasts: HTMLElement;
  views: HTMLElement;
  announced: HTMLElement;
  menu: HTMLElement;
  "menu-button": HTMLButtonElement;
  "open-label": HTMLElement;
  inventory: HTMLElement;
  "inventory-card": HTMLElement;
  "inventory-none": HTMLElement;
  "inventory-none-text": HTMLElement;
  "inventory-clear": HTMLButtonElement;
  compare: HTMLButtonElement;
  "compare-file": HTMLInputElement;
  comparison: HTMLElement;
  "comparison-title": HTMLElement;
  "comparison-a": HTMLElement;
  "comparison-b": HTMLElement;
  "comparison-before": HTMLElement;
  "comparison-sentence": HTMLElement;
  "comparison-rest": HTMLElement;
  "comparison-rest-text": HTMLElement;
  "comparison-names": HTMLDetailsElement;
  "comparison-rename": HTMLTextAreaElement;
  "comparison-match": HTMLButtonElement;
  "comparison-fault": HTMLElement;
  "comparison-proposal": HTMLElement;
  "comparison-proposed": HTMLElement;
  "comparison-use": HTMLButtonElement;
  "comparison-parts": HTMLElement;
  "comparison-tensor": HTMLElement;
  "comparison-plot": SVGSVGElement;
  "comparison-axis": HTMLElement;
  "comparison-table": HTMLButtonElement;
  "comparison-save": HTMLButtonElement;
  "comparison-close": HTMLButtonElement;
  compared: HTMLElement;
  "plot-table": HTMLDialogElement;
  "plot-table-title": HTMLElement;
  "plot-table-sentence": HTMLElement;
  "plot-table-body": HTMLElement;
  "plot-table-close": HTMLButtonElement;
  drop: HTMLElement;
  "drop-beside": HTMLElement;
  "drop-beside-name": HTMLElement;
  "drop-samples": HTMLElement;
  "drop-samples-name": HTMLElement;
  open: HTMLInputElement;
  gallery: HTMLSelectElement;
  "view-model": HTMLElement;
  "view-run": HTMLElement;
  "view-export": HTMLElement;

  undo: HTMLButtonElement;
  redo: HTMLButtonElement;
  opened: HTMLElement;
  "opened-name": HTMLElement;
  "opened-about": HTMLElement;
  "opened-kept": HTMLElement;
  "opened-sizes": HTMLElement;
  "opened-sizes-about": HTMLElement;
  "opened-size": HTMLSelectElement;
  "opened-quantize": HTMLButtonElement;
  "opened-look": HTMLButtonElement;
  "opened-calibration": HTMLButtonElement;
  "opened-close": HTMLButtonElement;
  forget: HTMLButtonElement;
  "forget-file": HTMLButtonElement;
  "kept-file": HTMLElement;
  "kept-text": HTMLElement;

  "answers-card": HTMLElement;
  "answers-title": HTMLElement;
  "answers-hint": HTMLElement;
  answers: HTMLElement;

  calibration: HTMLInputElement;
  "calibration-label": HTMLElement;
  "calibration-name": HTMLElement;
  "calibration-hint": HTMLElement;
  images: HTMLDetailsElement;
  "image-layout": HTMLSelectElement;
  "image-resize": HTMLSelectElement;
  "image-scale": HTMLSelectElement;
  "image-mean": HTMLInputElement;
  "image-std": HTMLInputElement;
  "image-height": HTMLInputElement;
  "image-width": HTMLInputElement;

  recipe: HTMLInputElement;
  "recipe-name": HTMLElement;
  "recipe-remove": HTMLButtonElement;
  quantize: HTMLButtonElement;
  sensitivity: HTMLButtonElement;
  mixed: HTMLButtonElement;
  improve: HTMLButtonElement;
  curve: HTMLButtonElement;
  job: HTMLElement;
  "job-stage": HTMLElement;
  "job-amount": HTMLElement;
  "job-bar": HTMLProgressElement;
  cancel: HTMLButtonElement;
  "slot-model-verdict": HTMLElement;
  "slot-model-front": HTMLElement;
  "slot-model-remedies": HTMLElement;
  "slot-model-samples": HTMLElement;
  "slot-model-sizes": HTMLElement;

  pad: HTMLCanvasElement;
  "pad-clear": HTMLButtonElement;
  "slot-run-answers": HTMLElement;
  "answers-none": HTMLElement;
  "pad-next": HTMLButtonElement;
  "pad-hint": HTMLElement;
  prompting: HTMLElement;
  prompt: HTMLTextAreaElement;
  "prompt-go": HTMLButtonElement;
  "prompt-cancel": HTMLButtonElement;
  "prompt-hint": HTMLElement;
  "input-file": HTMLInputElement;
  "input-label": HTMLElement;
  "made-up": HTMLButtonElement;
  race: HTMLButtonElement;

  "export-model-text": HTMLElement;
  "save-model": HTMLButtonElement;
  "save-recipe": HTMLButtonElement;
  "save-report": HTMLButtonElement;
  "save-page": HTMLButtonElement;
  "permalink-text": HTMLElement;
  permalink: HTMLElement;
  "snippet-text": HTMLElement;
  snippet: HTMLElement;
  code: HTMLElement;
  "code-text": HTMLElement;
  "code-box": HTMLElement;
  "code-missing": HTMLElement;
  "save-code": HTMLButtonElement;

  /** Absent from embed.html. */
  theme: HTMLButtonElement | null;
  share: HTMLButtonElement | null;
  reset: HTMLButtonElement | null;
  update: HTMLElement | null;
  "update-now": HTMLButtonElement;
  "update-later": HTMLButtonElement;
  /** Only in embed.html. */
  whole: HTMLAnchorElement | null;

  /** Of bench.html. */
  stage: HTMLElement;
  bar: HTMLProgressElement;
  results: HTMLTableElement;
  targets: HTMLTableElement;
}

export type ById = <K extends keyof ElementsById>(id: K) => ElementsById[K];

/** What early.mjs leaves for the page. */
export interface Start {
  files: Files;
  client: Client;
  begin(query: string): Running<"start">;
  /** A report without anything that could run: trusted.mjs, which is part of early.js only. */
  sanitiseReport(html: string): string;
  started: Running<"start"> | null;
  /** The view whose tab was clicked last. */
  chosen?: string;
  fastPath?: () => FastPath | null;
}

/** window.playground: static/api.mjs. */
/** What is opened as a file; text is an address. */
export type Openable = File | Blob | string | URL;

export interface Api {
  ready: Promise<void>;
  started: boolean;
  readonly state: Settings | undefined;
  setState(changes: Partial<Settings>): Promise<Settings>;
  reset(): Promise<Settings>;
  /** Of a model in several files: all of them. */
  load(fileOrUrl: Openable | Openable[]): Promise<Answer<"load">["result"]>;
  quantize(): Promise<{ model: Uint8Array; report: Report }>;
  run(inputs: object): Promise<Record<string, object>>;
  /** With the files of a second model, or with what the open one was quantized to. */
  compare(
    second: "quantized" | Openable | Openable[],
    options?: { rename?: string | string[] },
  ): Promise<FilesComparison>;
  report(): Promise<Report | null>;
  addEventListener: EventTarget["addEventListener"];
  removeEventListener: EventTarget["removeEventListener"];
  bootTimes: Times | null;
  restart(reason?: string): Promise<void>;
}

/** A button in a toast. */
export interface Action {
  label: string;
  run: () => void;
}

/** Files that the visitor gave, to be given again to a Python that starts anew. */
export interface Given {
  model: File[] | null;
  calibration: File | null;
  images: File[] | null;
  recipe: File | null;
}

/** What a tab remembers of the files that are kept for its reload: uploads.mjs. */
export interface Remembered {
  /** The folder they lie in. */
  id: string;
  names: Partial<Record<"model" | "calibration" | "recipe", string[]>>;
  settings: Settings;
}

/** What a part of the page gets to work with. */
export interface Part {
  client: Client;
  /** Says what went wrong. */
  complain: (error: Failure) => void;
  /** Resolves when Python answers. */
  ready: () => Promise<void>;
}

/** The Network Information API, which not every browser has. */
interface NetworkInformation {
  saveData?: boolean;
  effectiveType?: string;
}

declare global {
  interface WindowEventMap {
    "playground-state": CustomEvent<State>;
    "playground-booted": CustomEvent<Times>;
    "playground-first-advice": CustomEvent<Frozen>;
    "playground-view": Event;
    /** The card about an opened file is shown. */
    "playground-opened": Event;
    /** What is under way that takes long. */
    "playground-work": CustomEvent<Kind[]>;
    /** `files`: of the second model; null: it is what the open one was quantized to. */
    "playground-compared": CustomEvent<{ compared: Compared; files: File[] | null; patterns: string[] }>;
    "playground-quantized": CustomEvent<Quantized & { bytes: ArrayBuffer }>;
  }

  interface Window {
    playground: Api;
    playgroundStart: Start;
    /** Panel loads its components with this. */
    importShim: { (url: string): Promise<unknown>; addImportMap(): void };
    trustedTypes?: TrustedTypePolicyFactory;
    /** What bench.html has found, for the driver of the benchmark. */
    benchResults: object;
    /** tools/cold_probe.js */
    coldProbe: object;
  }

  interface Navigator {
    readonly connection?: NetworkInformation;
  }

  /** An entry of the Layout Instability API. */
  interface LayoutShift extends PerformanceEntry {
    value: number;
    hadRecentInput: boolean;
    readonly sources: readonly { readonly node: Node | null }[];
  }

  const playground: Api;
}
