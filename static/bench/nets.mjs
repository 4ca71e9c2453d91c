// Whole networks: our programs, compiled when the site was built, beside ONNX Runtime Web on the same QDQ model and on the
// float one. The files are those of tests/benchmarks/net_programs.py.
import { bytes, runtime } from "./files.mjs";
import { buildOf } from "./product.mjs";
import { race, rowsOf, verdict } from "./timing.mjs";

const BATCHES = [1, 16];
const TYPES = { float32: Float32Array, int64: BigInt64Array };
const json = async (name) => JSON.parse(new TextDecoder().decode(await bytes(name)));

/** The place of every kernel in the module's function table, which a program's first words name. */
function slotsOf(kernels) {
  const table = kernels.exports.__indirect_function_table;
  return (name) => table.grow(1, kernels.exports[name]);
}

/** Puts a program into the kernels' memory; `run` copies the input in and makes one call. */
function load(kernels, program, constants, input) {
  const arena = kernels.alloc(Uint8Array, program.nbytes);
  const octets = kernels.at(arena);
  for (const [at, from, n] of program.constants) octets.set(constants.subarray(from, from + n), at);
  const slots = {};
  const slot = slotsOf(kernels);
  const words = [];
  for (const [name, args, places] of program.calls) {
    slots[name] ??= slot(name);
    words.push(slots[name], args.length);
    const start = words.length;
    words.push(...args);
    for (const i of places) words[start + i] += arena.offset;
  }
  const code = kernels.alloc(Int32Array, words.length);
  kernels.at(code).set(words);
  const [at, count] = program.output;
  const source = { Type: input.constructor, offset: arena.offset + program.input, length: input.length };
  const result = { Type: Float32Array, offset: arena.offset + at, length: count };
  return {
    run() {
      kernels.at(source).set(input);
      kernels.call("k_run", code, program.calls.length);
      return kernels.at(result);
    },
  };
}

/** Engines of one net at one batch size; ONNX Runtime's outputs have one name, whatever it is. */
async function enginesOf(builds, name, batch, { input: [type, sizes] }, files) {
  const whole = new TYPES[type](files.input.buffer);
  const input = whole.slice(0, batch * sizes.reduce((a, b) => a * b));
  const engines = {};
  for (const kernels of builds) {
    const { programs, constants } = files[kernels.dot];
    engines[`Ours (${buildOf(kernels)})`] = load(kernels, programs[batch], constants, input);
  }
  engines["ONNX Runtime Web, QDQ"] = await runtime(`${name}.qdq.onnx`, type, input, [batch, ...sizes]);
  engines["ONNX Runtime Web, float"] = await runtime(`${name}.onnx`, type, input, [batch, ...sizes]);
  return engines;
}

async function filesOf(builds, name) {
  const files = { input: await bytes(`${name}.input.bin`) };
  for (const { dot } of builds) {
    files[dot] = { programs: await json(`${name}.${dot}.json`), constants: await bytes(`${name}.${dot}.bin`) };
  }
  return files;
}

/** Rows of the table for every net, one sample at a time and sixteen at once; times are those of a whole batch. */
export async function nets(builds, progress) {
  const rows = [];
  const described = Object.entries(await json("nets.json"));
  for (const [i, [name, net]] of described.entries()) {
    const files = await filesOf(builds, name);
    for (const [j, batch] of BATCHES.entries()) {
      const marks = builds.map((kernels) => kernels.mark());
      const engines = await enginesOf(builds, name, batch, net, files);
      const results = {};
      for (const [engine, { run }] of Object.entries(engines)) results[engine] = Float32Array.from(await run());
      const [ours] = Object.values(results);
      const verdicts = Object.fromEntries(
        Object.entries(results)
          .slice(1)
          .map(([engine, found]) => [engine, verdict(ours, found)]),
      );
      const share = (part) => progress((i + (j + part) / BATCHES.length) / described.length);
      const times = await race(engines, share);
      rows.push(...rowsOf({ title: `${name}, batch ${batch}`, macs: net.macs * batch }, times, { verdicts }));
      builds.forEach((kernels, k) => kernels.release(marks[k]));
    }
  }
  return rows;
}
