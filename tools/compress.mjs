// Writes brotli copies: `node compress.mjs LIST`, a JSON file of [source, target] pairs. Python's library has no brotli.
import { readFile, rename, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const LARGE = 3_000_000; // from here on the best quality costs ten times the time for a few percent

/** @param {[source: string, target: string]} pair */
async function compress([source, target]) {
  const content = await readFile(source);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: content.length < LARGE ? 11 : 9,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  await writeFile(`${target}.partial`, await promisify(brotliCompress)(content, { params }));
  await rename(`${target}.partial`, target);
}

/** @type {[string, string][]} */
const waiting = JSON.parse(await readFile(process.argv[2], "utf8"));
const drain = async () => {
  for (let pair = waiting.pop(); pair; pair = waiting.pop()) await compress(pair);
};
await Promise.all(Array.from({ length: availableParallelism() }, drain));
