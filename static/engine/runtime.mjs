// Starts Pyodide with NumPy's libraries at fixed places, so that a snapshot of its memory can be made at build time and
// restored here. Used by the page's worker and, under Node, by the build: both have to do the same.
import { loadPyodide } from "pyodide";
import { head, restore } from "./sparse.mjs";

/**
 * @import { CreateModule, EmscriptenModule, InterpreterLock, ModuleSettings, Pyodide, Snapshot } from "../types/engine"
 */

export const SITE_PACKAGES = "/lib/python3.14/site-packages";

/** Where NumPy's compiled parts lie, in the order in which they are loaded: an address depends on all before it. */
export const LIBRARIES = ["numpy/_core/_multiarray_umath", "numpy/linalg/_umath_linalg"].map(
  (name) => `${name}.cpython-314-wasm32-emscripten.so`,
);
/** The name of its file. */
export const libraryFile = (/** @type {string} */ library) => library.slice(library.lastIndexOf("/") + 1);

const ENVIRONMENT = {
  HOME: "/home/pyodide",
  BOKEH_RESOURCES: "cdn",
  PYTHONDONTWRITEBYTECODE: "1",
  PYTHONHASHSEED: "0", // so that a plain start builds the very document that was frozen
};

const OFFSET_WORD = 1; // of an image's head: where the memory begins in it

/**
 * Has Pyodide check the head of the image, and puts the rest where it belongs: 78 MB are not copied twice.
 * @param {EmscriptenModule} module
 * @param {number} length of the image
 * @param {Uint8Array} packed
 */
function restoreInto(module, length, packed) {
  if (module.HEAP8.length < length) module.growMemory(length);
  const used = module.HEAPU32[module._emscripten_get_sbrk_ptr() >>> 2];
  const [, skipped] = new Uint32Array(head(packed, length, 4 * (OFFSET_WORD + 1)).buffer);
  const { restoreSnapshot } = module.API;
  module.API.restoreSnapshot = () => {
    const config = restoreSnapshot(head(packed, length, skipped));
    restore(packed, length, skipped, module.HEAPU8, used);
    return config;
  };
}

/**
 * @param {object} options
 * @param {CreateModule} options.createModule
 * @param {string} options.indexURL where Pyodide looks for its files
 * @param {Record<string, string>} options.env further environment variables
 * @param {InterpreterLock} options.lock
 * @param {(library: string) => string} options.locate a library's address
 * @param {Snapshot} [options.snapshot] its bytes are needed only when Pyodide has been instantiated
 * @param {boolean} [options.freezable] whether a snapshot is going to be made
 */
export async function startPyodide({ createModule, indexURL, env, lock, locate, snapshot, freezable = false }) {
  const packed = snapshot?.packed();
  packed?.catch(() => {
    /* thrown below, when it is waited for */
  });
  const createPyodideModule = async (/** @type {ModuleSettings} */ settings) => {
    const place = settings.locateFile;
    settings.dynamicLibraries = LIBRARIES.map((library) => `${SITE_PACKAGES}/${library}`);
    settings.locateFile = (path) =>
      path.startsWith(SITE_PACKAGES) ? locate(path.slice(SITE_PACKAGES.length + 1)) : place(path);
    const module = /** @type {EmscriptenModule} */ (await createModule(settings));
    if (snapshot && packed) restoreInto(module, snapshot.length, await packed);
    return module;
  };
  const options = {
    indexURL,
    lockFileContents: { ...lock, packages: {} },
    packageBaseUrl: indexURL,
    env: { ...ENVIRONMENT, ...env },
    createPyodideModule,
    ...(snapshot ? { _loadSnapshot: new Uint8Array(snapshot.length) } : {}), // never touched: see restoreInto
    ...(freezable ? { _makeSnapshot: true } : {}),
  };
  return /** @type {Promise<Pyodide>} */ (loadPyodide(options));
}
