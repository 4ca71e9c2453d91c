// Timing in turns: every engine once a round, so that what else the machine does meanwhile meets all of them.

/**
 * @import { ByEngine, Engine, Row, SameFile, Share, Timing } from "../types/bench"
 * @import { TypedArray } from "../types/kernels"
 */

const ROUND_MS = 5; // short, so that some rounds are undisturbed on a busy machine

/** How often, unless the address says `?rounds=3`: to see that everything runs, few will do. */
const ROUNDS = Number(new URLSearchParams(globalThis.location?.search).get("rounds")) || 31;
const FEWEST = Math.min(7, ROUNDS);
const PATIENCE_MS = 5000; // after which the fewest rounds have to do

/** @param {Engine} engine */
async function once(engine) {
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

/**
 * @param {number[]} sorted
 * @param {number} share of them that is to be at or below the result
 */
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];

/**
 * What each engine gives, as a copy of that type: memory may be used again.
 * @template {TypedArray} T
 * @param {ByEngine<Engine>} engines
 * @param {{ from(values: ArrayLike<number>): T }} Type
 * @returns {Promise<ByEngine<T>>}
 */
export async function resultsOf(engines, Type) {
  /** @type {ByEngine<T>} */
  const results = {};
  for (const [name, engine] of Object.entries(engines)) {
    const found = await engine.run();
    if (found) results[name] = Type.from(found);
  }
  return results;
}

/**
 * Times engines by name, several times each; name -> {best, median, p95} in milliseconds a run.
 * @param {ByEngine<Engine>} engines
 * @param {Share} progress
 */
export async function race(engines, progress) {
  const began = performance.now();
  /** @type {ByEngine<number[]>} */
  const times = Object.fromEntries(Object.keys(engines).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    const late = (performance.now() - began) / PATIENCE_MS;
    if (late > 1 && round >= FEWEST) break;
    for (const [name, engine] of Object.entries(engines)) times[name].push(await once(engine));
    progress(Math.max((round + 1) / ROUNDS, Math.min(late, 0.99)));
  }
  const summary = (/** @type {number[]} */ list) => {
    const sorted = [...list].sort((a, b) => a - b);
    return { best: sorted[0], median: at(sorted, 0.5), p95: at(sorted, 0.95) };
  };
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, summary(list)]));
}

/**
 * The same unsigned codes for every engine, from a small linear congruential generator.
 * @param {number} count
 */
export function codes(count) {
  const made = new Uint8Array(count);
  let state = 12345;
  for (let i = 0; i < count; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    made[i] = state >>> 24;
  }
  return made;
}

/**
 * How two results compare, in words; `tolerance` is a share of the largest value.
 * @param {ArrayLike<number>} mine
 * @param {ArrayLike<number>} other
 */
export function verdict(mine, other, tolerance = 0) {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < mine.length; i += 1) {
    difference = Math.max(difference, Math.abs(mine[i] - other[i]));
    largest = Math.max(largest, Math.abs(other[i]));
  }
  if (difference === 0) return "equal";
  return difference <= tolerance * largest ? `equal within ${tolerance}` : `differs by up to ${difference}`;
}

/**
 * How two results of the same file compare, in words: codes may differ by one, floats by a share of the largest.
 * @param {ArrayLike<number>} mine
 * @param {ArrayLike<number>} other
 * @param {Pick<SameFile, "code" | "share">} file
 */
export function verdictOfCodes(mine, other, { code, share }) {
  if (mine.length !== other.length) return `differs: ${mine.length} values beside ${other.length}`;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < mine.length; i += 1) {
    difference = Math.max(difference, Math.abs(mine[i] - other[i]));
    largest = Math.max(largest, Math.abs(other[i]));
  }
  if (difference === 0) return "equal";
  if (code === 0) return difference <= share * largest ? `equal within ${share}` : `differs by up to ${difference}`;
  const codes = difference / code;
  return codes <= 1.001 ? "equal within a code" : `differs by up to ${codes.toFixed(1)} codes`;
}

/**
 * One row of the table an engine. Ratios are an engine's time against ours: against `pairs[engine]`, or else against the
 * first engine.
 * @param {{ title: string, macs: number }} shape label and number of multiply-adds
 * @param {ByEngine<Timing>} times
 * @param {{ pairs?: ByEngine<string>, verdicts?: ByEngine<string> }} compared
 * @returns {Row[]}
 */
export function rowsOf({ title, macs }, times, { pairs = {}, verdicts = {} } = {}) {
  const [first] = Object.keys(times);
  return Object.entries(times).map(([engine, { best, median, p95 }]) => ({
    shape: title,
    engine,
    bestMs: best,
    medianMs: median,
    p95Ms: p95,
    gmacs: macs / median / 1e6,
    ratio: median / times[pairs[engine] ?? first].median,
    result: verdicts[engine] ?? "",
  }));
}
