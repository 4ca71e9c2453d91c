/** Python in its worker: what of Pyodide is used beyond its own types. */
import type { PyodideAPI, PyodideConfig } from "pyodide";

/** pyodide.asm.mjs's default export. */
export type CreateModule = NonNullable<PyodideConfig["createPyodideModule"]>;

/** What Emscripten is told before it starts. */
export type ModuleSettings = Parameters<CreateModule>[0] & {
  dynamicLibraries?: string[];
  locateFile(path: string): string;
};

/** Emscripten's module, of which Pyodide is made. */
export type EmscriptenModule = Awaited<ReturnType<CreateModule>> & {
  HEAPU8: Uint8Array;
  HEAPU32: Uint32Array;
  /** Makes room for so many bytes. */
  growMemory(length: number): void;
  _emscripten_get_sbrk_ptr(): number;
  _malloc(size: number): number;
  _free(address: number): void;
};

/** The memory to go on with, as sparse.mjs packs it: its length is needed at once, its bytes later. */
export interface Snapshot {
  length: number;
  packed: () => Promise<Uint8Array>;
}

/** What pyodide-lock.json says of the interpreter, without packages. */
export interface InterpreterLock {
  info: import("pyodide").Lockfile["info"];
}

/** Pyodide with the private parts that are used. */
export type Pyodide = PyodideAPI & {
  _module: EmscriptenModule;
  _api: {
    importlib: { invalidate_caches(): void };
    on_fatal: (error: { message?: string } | undefined) => void;
  };
  makeMemorySnapshot(): Uint8Array;
};

/** playground.app.start, as Pyodide shows it. */
export interface StartModule {
  /** Builds the first view. */
  freeze(): void;
  /** The id of the frozen model. */
  frozen_model(): string;
  /** Posts to the page by `post`; `options` is JSON. */
  start(post: (text: string, buffers?: Iterable<Uint8Array>) => void, options: string): Backend;
}

/** playground.app.backend.Backend, for one page. */
export interface Backend {
  /** The key of the first view's document. */
  document: string;
  handle(id: number, kind: string, content: string, files: unknown[]): Promise<void>;
}

/** The worker's global scope, with what Python and tests find there. */
export type EngineScope = DedicatedWorkerGlobalScope &
  typeof globalThis & {
    pyodide?: Pyodide;
    /** playground/host/ */
    playgroundHost?: {
      ortCreate(bytes: Uint8Array): Promise<object>;
      /** A file of the page's list. */
      file(name: string): Promise<Uint8Array>;
    };
  };
