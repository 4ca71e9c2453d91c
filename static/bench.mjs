// Our kernels beside ONNX Runtime Web's: one page, one run, one thread. A section is one file in bench/: a function that
// takes our kernels (every build that is exact here, the fastest first) and gives rows of the table.
import { conv } from "./bench/conv.mjs";
import { loadKernels, setUpRuntime } from "./bench/files.mjs";
import { fourBit } from "./bench/four_bit.mjs";
import { matmul } from "./bench/matmul.mjs";
import { nets } from "./bench/nets.mjs";

const SECTIONS = { "Products of matrices": matmul, Convolution: conv, "4-bit weights": fourBit, "Whole networks": nets };
const $ = (id) => document.getElementById(id);

function show({ shape, engine, medianMs, p95Ms, gmacs, ratio, result }) {
  const ours = engine.startsWith("Ours") || engine.startsWith("Multiplying");
  const cells = [shape, engine, medianMs.toFixed(3), p95Ms.toFixed(3), gmacs.toFixed(1), ours && ratio === 1 ? "" : `${ratio.toFixed(2)} ×`, result];
  const row = $("results").tBodies[0].insertRow();
  for (const text of cells) row.insertCell().textContent = text;
}

async function main() {
  setUpRuntime();
  const builds = await loadKernels();
  const results = [];
  const sections = Object.entries(SECTIONS);
  for (const [i, [title, section]] of sections.entries()) {
    $("stage").textContent = title;
    const rows = await section(builds, (share) => { $("bar").value = (i + share) / sections.length; });
    results.push(...rows);
    rows.forEach(show);
  }
  $("stage").textContent = "Done";
  window.benchResults = { userAgent: navigator.userAgent, dot: builds[0].dot, results };
}

main().catch((error) => {
  $("stage").textContent = `The benchmark failed: ${error.message}`;
  window.benchResults = { error: error.message, results: [] };
});
