// Our kernels beside those of ONNX Runtime Web and LiteRT.js: one page, one run, one thread. A section is one file in bench/: a function that
// takes our kernels (every build that is exact here, the fastest first) and gives rows of the table.
import { conv } from "./bench/conv.mjs";
import { loadKernels, setUpRuntime } from "./bench/files.mjs";
import { depthwise } from "./bench/depthwise.mjs";
import { fourBit } from "./bench/four_bit.mjs";
import { matmul } from "./bench/matmul.mjs";
import { nets } from "./bench/nets.mjs";
import { sameFiles } from "./bench/same.mjs";
import { targets } from "./bench/targets.mjs";
import { $ } from "./dom.mjs";

/**
 * @import { Row, Section, Share, Target } from "./types/bench"
 */

/** @type {Record<string, Section>} */
const SECTIONS = {
  "Products of matrices": matmul,
  Convolution: conv,
  "Depthwise convolution": depthwise,
  "4-bit weights": fourBit,
  "The same .tflite files": sameFiles,
  "Whole networks": nets,
};
const BUILDS = {
  int16:
    "Our kernels ran in the simd128 build: this browser on this machine has no relaxed dot product that is exact and fast (x86 needs AVX-VNNI).",
  unsigned: "Our kernels ran in both builds; the relaxed one by dot products as AVX-VNNI has them.",
  signed: "Our kernels ran in both builds; the relaxed one by dot products as Arm has them.",
};
const NO_LITERT = " LiteRT.js did not run: its build here needs relaxed SIMD, which this browser lacks.";

/** @param {Row} row */
function show({ shape, engine, medianMs, p95Ms, gmacs, ratio, result }) {
  const ours = engine.startsWith("Ours") || engine.startsWith("Multiplying");
  const cells = [
    shape,
    engine,
    medianMs.toFixed(3),
    p95Ms.toFixed(3),
    gmacs.toFixed(1),
    ours && ratio === 1 ? "" : `${ratio.toFixed(2)} ×`,
    result,
  ];
  addRow("results", cells);
}

/**
 * @param {"results" | "targets"} table
 * @param {string[]} cells
 */
function addRow(table, cells) {
  const row = $(table).tBodies[0].insertRow();
  for (const text of cells) row.insertCell().textContent = text;
}

/** @param {Target} target */
function showTarget({ what, wanted, found, met, note }) {
  const words = [met ? "met" : "missed", ...(note ? [note] : [])];
  addRow("targets", [what, `≥ ${wanted}`, found.toFixed(2), words.join("; ")]);
}

async function main() {
  setUpRuntime();
  const builds = await loadKernels();
  const results = [];
  const sections = Object.entries(SECTIONS);
  for (const [i, [title, section]] of sections.entries()) {
    $("stage").textContent = title;
    /** @type {Share} */
    const progress = (share) => {
      $("bar").value = (i + share) / sections.length;
    };
    const rows = await section(builds, progress);
    results.push(...rows);
    rows.forEach(show);
  }
  const held = targets(results);
  held.forEach(showTarget);
  const [{ dot }] = builds;
  const rival = results.some(({ engine }) => engine.startsWith("LiteRT.js")) ? "" : NO_LITERT;
  $("stage").textContent = `Done. ${BUILDS[dot]}${rival}`;
  window.benchResults = { userAgent: navigator.userAgent, dot, targets: held, results };
}

main().catch((error) => {
  $("stage").textContent = `The benchmark failed: ${error.message}`;
  window.benchResults = { error: error.message, results: [] };
});
