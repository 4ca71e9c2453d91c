// Pyodide under Node, for the build: started as the page's worker starts it.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { LIBRARIES, libraryFile, startPyodide } from "../../static/engine/runtime.mjs";

/** @import { Pyodide, Snapshot } from "../../static/types/engine" */

/** @typedef {{ pyodide: string, libraries: string, env: Record<string, string> }} Places where build.py says things are */
/** @typedef {Pyodide["FS"]} FileSystem */

// Node would print the line that threw, and Pyodide is a single line of a megabyte.
process.on("uncaughtException", (error) => {
  console.error(error.message ?? error);
  process.exit(1);
});

/**
 * @param {Places} places
 * @param {{ snapshot?: Snapshot, freezable?: boolean }} options
 */
export async function start({ pyodide, libraries, env }, options = {}) {
  const { default: createModule } = await import(pathToFileURL(join(pyodide, "pyodide.asm.mjs")).href);
  const { info } = JSON.parse(readFileSync(join(pyodide, "pyodide-lock.json"), "utf8"));
  const locate = (/** @type {string} */ library) => join(libraries, libraryFile(library));
  for (const library of LIBRARIES) if (!existsSync(locate(library))) throw new Error(`${locate(library)} is missing`);
  return startPyodide({ createModule, indexURL: pyodide, env, lock: { info }, locate, ...options });
}

/**
 * Copies a file, or a folder with everything below it, into Pyodide's file system.
 * @param {FileSystem} FS
 * @param {string} from
 * @param {string} to
 */
export function copyIn(FS, from, to) {
  FS.mkdirTree(dirname(to));
  const names = readdirOrNull(from);
  if (!names) {
    FS.writeFile(to, readFileSync(from));
    return;
  }
  FS.mkdirTree(to);
  for (const name of names) copyIn(FS, join(from, name), `${to}/${name}`);
}

/** @param {string} path */
function readdirOrNull(path) {
  try {
    return readdirSync(path);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOTDIR") return null;
    throw error;
  }
}
