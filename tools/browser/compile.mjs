// node compile.mjs PLACES.json: compiles the packages in Pyodide; see compile_packages.py.
import { readFileSync, writeFileSync } from "node:fs";
import { copyIn, start } from "./node.mjs";

const places = JSON.parse(readFileSync(process.argv[2], "utf8"));
const python = await start(places);
copyIn(python.FS, places.source, "/build/source");
python.runPython(readFileSync(places.script, "utf8"));
writeFileSync(places.packages, python.FS.readFile("/build/packages.zip"));
