// Pyodide under Node, for the build: started as the page's worker starts it.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { LIBRARIES, libraryFile, startPyodide } from "../../static/engine/runtime.mjs";

// Node would print the line that threw, and Pyodide is a single line of a megabyte.
process.on("uncaughtException", (error) => {
  console.error(error.message ?? error);
  process.exit(1);
});

/** @param {{pyodide: string, libraries: string, env: object}} places what build.py says */
export async function start({ pyodide, libraries, env }, options = {}) {
  const { default: createModule } = await import(pathToFileURL(join(pyodide, "pyodide.asm.mjs")).href);
  const { info } = JSON.parse(readFileSync(join(pyodide, "pyodide-lock.json"), "utf8"));
  const locate = (library) => join(libraries, libraryFile(library));
  for (const library of LIBRARIES) if (!existsSync(locate(library))) throw new Error(`${locate(library)} is missing`);
  return startPyodide({ createModule, indexURL: pyodide, env, lock: { info }, locate, ...options });
}

/** Copies a file, or a folder with everything below it, into Pyodide's file system. */
export function copyIn(FS, from, to) {
  FS.mkdirTree(dirname(to));
  if (!readdirOrNull(from)) {
    FS.writeFile(to, readFileSync(from));
    return;
  }
  FS.mkdirTree(to);
  for (const name of readdirOrNull(from)) copyIn(FS, join(from, name), `${to}/${name}`);
}

function readdirOrNull(path) {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error.code === "ENOTDIR") return null;
    throw error;
  }
}
