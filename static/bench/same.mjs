// The very same .tflite files of TensorFlow's converter: LiteRT.js runs the file, our kernels the program of the graph that our
// reader makes of it. The files are those of tests/benchmarks/same_files.py.
import { bytes, json } from "./files.mjs";
import { liteRtModule, setUpLiteRt } from "./litert.mjs";
import { buildOf } from "./product.mjs";
import { loadProgram, programsOf } from "./programs.mjs";
import { LITERT, OUR_FLOAT, SAME } from "./targets.mjs";
import { race, resultsOf, rowsOf, verdictOfCodes } from "./timing.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { ByEngine, Engine, Row, SameFile, Section } from "../types/bench"
 */

const TYPES = { float32: Float32Array, int32: Int32Array, int8: Int8Array };

/**
 * @param {Kernels[]} builds
 * @param {string} name
 * @param {SameFile} file
 */
async function enginesOf(builds, name, file) {
  const [type, shape] = file.input;
  const { buffer } = await bytes(`same-${name}.input.bin`);
  const [input, Type] = [new TYPES[type](buffer), TYPES[file.output]];
  /** @type {ByEngine<Engine>} */
  const engines = {};
  const isFloat = name.endsWith(".float");
  // Products of floats are the same in every build
  for (const kernels of isFloat ? builds.slice(-1) : builds) {
    const { programs, constants } = await programsOf(`same-${name}.${kernels.dot}`);
    const engine = isFloat ? OUR_FLOAT : `Ours (${buildOf(kernels)})`;
    engines[engine] = loadProgram(kernels, programs, constants, input, Type);
  }
  engines[LITERT] = await liteRtModule(await bytes(`same-${name}.tflite`), input, [type, shape], { Type });
  return engines;
}

/**
 * Two rows a file, or one more for each further build of our kernels; none where LiteRT.js does not run.
 * @type {Section}
 */
export async function sameFiles(builds, progress) {
  /** @type {Row[]} */
  const rows = [];
  if (!(await setUpLiteRt())) return rows;
  /** @type {[string, SameFile][]} */
  const files = Object.entries(await json("same.json"));
  for (const [i, [name, file]] of files.entries()) {
    const marks = builds.map((kernels) => kernels.mark());
    const engines = await enginesOf(builds, name, file);
    const [[, ours], ...others] = Object.entries(await resultsOf(engines, Float32Array));
    const verdicts = Object.fromEntries(others.map(([engine, found]) => [engine, verdictOfCodes(ours, found, file)]));
    const times = await race(engines, (part) => progress((i + part) / files.length));
    rows.push(...rowsOf({ title: `${SAME}${name}`, macs: file.macs }, times, { verdicts }));
    for (const [k, kernels] of builds.entries()) kernels.release(marks[k]);
    for (const engine of Object.values(engines)) engine.release?.();
  }
  return rows;
}
