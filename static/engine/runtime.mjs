// Starts Pyodide with NumPy's libraries at fixed places, so that a snapshot of its memory can be made at build time and
// restored here. Used by the page's worker and, under Node, by the build: both have to do the same.
import { loadPyodide } from "pyodide";

export const SITE_PACKAGES = "/lib/python3.14/site-packages";

/** Where NumPy's compiled parts lie, in the order in which they are loaded: an address depends on all before it. */
export const LIBRARIES = ["numpy/_core/_multiarray_umath", "numpy/linalg/_umath_linalg"].map(
  (name) => `${name}.cpython-314-wasm32-emscripten.so`,
);
export const libraryFile = (library) => library.split("/").pop();

const ENVIRONMENT = {
  HOME: "/home/pyodide",
  BOKEH_RESOURCES: "cdn",
  PYTHONDONTWRITEBYTECODE: "1",
  PYTHONHASHSEED: "0", // so that a plain start builds the very document that was frozen
};

/**
 * @param {object} options
 * @param {Function} options.createModule pyodide.asm.mjs's default export
 * @param {string} options.indexURL where Pyodide looks for its files
 * @param {object} options.env further environment variables
 * @param {object} options.lock what pyodide-lock.json says of the interpreter
 * @param {(library: string) => string} options.locate a library's address
 * @param {{length: number, fill: (image: Uint8Array) => Promise<void>}} [options.snapshot] the memory to go on with: its
 *   length is needed at once, its bytes only when Pyodide has been instantiated
 * @param {boolean} [options.freezable] whether a snapshot is going to be made
 */
export async function startPyodide({ createModule, indexURL, env, lock, locate, snapshot, freezable = false }) {
  const image = snapshot && new Uint8Array(snapshot.length);
  const filled = image && snapshot.fill(image);
  filled?.catch(() => { /* thrown below, when it is waited for */ });
  const createPyodideModule = async (settings) => {
    const place = settings.locateFile;
    settings.dynamicLibraries = LIBRARIES.map((library) => `${SITE_PACKAGES}/${library}`);
    settings.locateFile = (path) =>
      path.startsWith(SITE_PACKAGES) ? locate(path.slice(SITE_PACKAGES.length + 1)) : place(path);
    const module = await createModule(settings);
    if (image) {
      await filled;
      if (module.HEAP8.length < image.length) module.growMemory(image.length);
    }
    return module;
  };
  return loadPyodide({
    indexURL,
    lockFileContents: { ...lock, packages: {} },
    packageBaseUrl: indexURL,
    env: { ...ENVIRONMENT, ...env },
    createPyodideModule,
    ...(image ? { _loadSnapshot: image } : {}),
    ...(freezable ? { _makeSnapshot: true } : {}),
  });
}
