// Our GEMM beside ONNX Runtime Web's MatMulInteger, QLinearMatMul and float MatMul: one page, one run, one thread.
import { Kernels } from "./kernels.mjs";
import * as ort from "./ort/ort.wasm.bundle.min.mjs";

const FILES = new URL("./bench/", import.meta.url).href;
const SHAPES = [[512, 512, 512], [384, 1024, 1024]];
const ROUNDS = 9;
const ROUND_MS = 60;
const CODES = 0;
const ACCUMULATORS = 2;
const BLOCK_ROWS = 32;
const ZERO_POINT = 128;
const SCALE = 0.02 * 0.01 / 0.5;
const $ = (id) => document.getElementById(id);

const bytes = async (path) => {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} could not be loaded (HTTP ${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
};

/** The same unsigned codes for every engine, from a small linear congruential generator. */
function activations(count) {
  const codes = new Uint8Array(count);
  let state = 12345;
  for (let i = 0; i < count; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    codes[i] = state >>> 24;
  }
  return codes;
}

/** Our kernel, packed once; `run` copies the inputs in and multiplies. */
function ours(kernels, [rows, depth, columns], weights, x, kind) {
  const codes = kernels.alloc(Uint8Array, x.length);
  const raw = kernels.alloc(Int8Array, weights.length);
  const zeros = kernels.alloc(Int32Array, columns);
  const even = depth + (depth & 1);
  const packed = kernels.alloc(Int16Array, Math.ceil(columns / 8) * 8 * even);
  const bias = kernels.alloc(Int32Array, columns);
  const multiplier = kernels.alloc(Float32Array, columns);
  const out = kernels.alloc(kind === CODES ? Uint8Array : Int32Array, rows * columns);
  const scratch = kernels.alloc(Int16Array, BLOCK_ROWS * even);
  kernels.at(raw).set(new Int8Array(weights.buffer));
  kernels.at(multiplier).fill(SCALE);
  kernels.call("k_pack_weights", raw, 1, zeros, 1, depth, columns, packed);
  return {
    run() {
      kernels.at(codes).set(x);
      kernels.call("k_gemm_s8", codes, rows, depth, 0, ZERO_POINT, packed, bias, multiplier, columns,
        { float: -ZERO_POINT }, { float: 255 - ZERO_POINT }, ZERO_POINT, kind, out, scratch);
      return kernels.at(out);
    },
  };
}

async function theirs(name, stem, [rows, depth], x, type) {
  const session = await ort.InferenceSession.create(await bytes(`${FILES}${name}-${stem}.onnx`), { executionProviders: ["wasm"] });
  const data = type === "float32" ? Float32Array.from(x, (code) => code - ZERO_POINT) : x;
  return { run: async () => (await session.run({ x: new ort.Tensor(type, data, [rows, depth]) })).y.data };
}

async function timed(engine) {
  let runs = 0;
  const began = performance.now();
  let spent = 0;
  while (spent < ROUND_MS) {
    await engine.run();
    runs += 1;
    spent = performance.now() - began;
  }
  return spent / runs;
}

const sorted = (times) => [...times].sort((a, b) => a - b);
const median = (times) => sorted(times)[Math.floor(times.length / 2)];
const p95 = (times) => sorted(times)[Math.min(times.length - 1, Math.ceil(0.95 * times.length) - 1)];

function compare(mine, other) {
  let largest = 0;
  for (let i = 0; i < mine.length; i += 1) largest = Math.max(largest, Math.abs(mine[i] - other[i]));
  return largest === 0 ? "equal" : `differs by up to ${largest}`;
}

async function benchShape(kernels, shape, progress) {
  const [rows, depth, columns] = shape;
  const stem = shape.join("x");
  const x = activations(rows * depth);
  const weights = await bytes(`${FILES}weights-${stem}.bin`);
  const engines = {
    "Ours, requantized to uint8": ours(kernels, shape, weights, x, CODES),
    "Ours, int32 sums": ours(kernels, shape, weights, x, ACCUMULATORS),
    "ONNX Runtime Web MatMulInteger": await theirs("matmulinteger", stem, shape, x, "uint8"),
    "ONNX Runtime Web QLinearMatMul": await theirs("qlinearmatmul", stem, shape, x, "uint8"),
    "ONNX Runtime Web MatMul, float": await theirs("matmul", stem, shape, x, "float32"),
  };
  const results = {};
  for (const [name, engine] of Object.entries(engines)) results[name] = Float64Array.from(await engine.run());
  const codes = results["Ours, requantized to uint8"];
  const sums = results["Ours, int32 sums"];
  const verdicts = {
    "ONNX Runtime Web MatMulInteger": compare(sums, results["ONNX Runtime Web MatMulInteger"]),
    "ONNX Runtime Web QLinearMatMul": compare(codes, results["ONNX Runtime Web QLinearMatMul"]),
    "ONNX Runtime Web MatMul, float": compare(sums, results["ONNX Runtime Web MatMul, float"]),
  };
  const times = Object.fromEntries(Object.keys(engines).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, engine] of Object.entries(engines)) times[name].push(await timed(engine));
    progress(`${stem}: round ${round + 1} of ${ROUNDS}`, (round + 1) / ROUNDS);
  }
  const pair = { "ONNX Runtime Web MatMulInteger": "Ours, int32 sums" };
  return Object.keys(engines).map((name) => {
    const own = median(times[pair[name] ?? "Ours, requantized to uint8"]);
    return {
      shape, engine: name, medianMs: median(times[name]), p95Ms: p95(times[name]),
      gmacs: rows * depth * columns / median(times[name]) / 1e6,
      ratio: name.startsWith("Ours") ? 1 : median(times[name]) / own,
      result: verdicts[name] ?? "",
    };
  });
}

function show({ shape, engine, medianMs, p95Ms, gmacs, ratio, result }) {
  const cells = [shape.join(" × "), engine, medianMs.toFixed(3), p95Ms.toFixed(3), gmacs.toFixed(1), engine.startsWith("Ours") ? "" : `${ratio.toFixed(2)} ×`, result];
  const row = $("results").tBodies[0].insertRow();
  for (const text of cells) row.insertCell().textContent = text;
}

async function main() {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
  ort.env.logLevel = "error";
  const kernels = await Kernels.load(new URL("./kernels/kernels-simd128.wasm", import.meta.url).href);
  const rows = [];
  for (const [i, shape] of SHAPES.entries()) {
    const done = await benchShape(kernels, shape, (text, share) => {
      $("stage").textContent = text;
      $("bar").value = (i + share) / SHAPES.length;
    });
    rows.push(...done);
    done.forEach(show);
  }
  $("stage").textContent = "Done";
  window.benchResults = { userAgent: navigator.userAgent, rounds: ROUNDS, results: rows };
}

main().catch((error) => {
  $("stage").textContent = `The benchmark failed: ${error.message}`;
  window.benchResults = { error: error.message, results: [] };
});
