// What a moved control means for the settings: playground/app/tensor_view.py (_changes) and workspace.py (change).
import { nineDigits } from "./numbers.mjs";

/**
 * @import { Value } from "../types/bokeh"
 * @import { Settings } from "../types/messages"
 * @import { Pair } from "../types/picture"
 */

const SEPARATOR = "\x1f"; // playground/app/tensor_view.py
const RESET_ZERO_POINT = ["format", "symmetric", "narrow_range", "granularity", "convention"];
const PASSED_ON = [...RESET_ZERO_POINT.slice(1), "axis", "calibrator", "percentile", "zoom", "zero_point"];

/**
 * @param {Settings} settings as in playground.state
 * @param {string} name of the control, or "lo" and "hi" for the handles on the plot
 * @param {Value} value what it was moved to
 * @param {Pair} asked the range that is shown
 * @param {number | null} zeroPoint the zero-point that is shown
 * @returns {Settings | null} the new settings; null if only Python can tell
 */
export function moved(settings, name, value, asked, zeroPoint) {
  const changes = changesOf(settings, name, value, asked, zeroPoint);
  if (!changes) return null;
  /** @type {Settings} */
  const next = { ...settings, ...changes };
  const touched = Object.keys(changes);
  if (next.model !== settings.model || next.tensor !== settings.tensor) next.lo = next.hi = next.zero_point = null;
  if (touched.some((key) => RESET_ZERO_POINT.includes(key)) && !touched.includes("zero_point")) next.zero_point = null;
  if (touched.includes("calibrator") || touched.includes("percentile")) next.lo = next.hi = null;
  return next;
}

/**
 * An integer keeps its width; how wide it is after another format, Python knows.
 * @param {string} choice
 * @param {string} format
 */
function chosenFormat(choice, format) {
  if (choice !== "int" && choice !== "uint") return { format: choice };
  const bits = /^u?int([2-8])$/.exec(format)?.[1];
  return bits ? { format: `${choice}${bits}` } : null;
}

/**
 * @param {Settings} settings
 * @param {string} name
 * @param {Value} value as `name` has it: a text, a number, both ends of a range ...
 * @param {Pair} asked
 * @param {number | null} zeroPoint
 * @returns {Partial<Settings> | null}
 */
function changesOf(settings, name, value, asked, zeroPoint) {
  const signed = settings.format.startsWith("int");
  if (name === "tensor") {
    const [model, tensor] = String(value).split(SEPARATOR);
    return tensor === undefined ? null : { model, tensor };
  }
  if (name === "bits") return { format: `${signed ? "" : "u"}int${value}` };
  if (name === "format") return chosenFormat(String(value), settings.format);
  if (name === "clip" && Array.isArray(value)) {
    const end = value[0] === asked[0] ? 1 : 0;
    return dragged(settings, end, value[end], asked);
  }
  if (name === "lo" || name === "hi") return dragged(settings, Number(name === "hi"), Number(value), asked);
  if (name === "zero_point" && value === zeroPoint) return {};
  if (name === "percentile") return { percentile: nineDigits(Number(value)) };
  return PASSED_ON.includes(name) ? { [name]: value } : null;
}

/**
 * One end of the range was moved; of a symmetric range the other one goes with it.
 * @param {Settings} settings
 * @param {number} end 0: the lower one, 1: the upper one
 * @param {number} value where it is now
 * @param {Pair} asked
 */
function dragged(settings, end, value, asked) {
  const other = settings.symmetric ? -value : asked[1 - end];
  return { lo: nineDigits(Math.min(value, other)), hi: nineDigits(Math.max(value, other)), zero_point: null };
}
