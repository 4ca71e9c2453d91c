// What a moved control means for the settings. What follows from a change is as in playground/app/workspace.py (change).
import { nineDigits } from "./numbers.mjs";

/**
 * @import { Value } from "../types/bokeh"
 * @import { Settings } from "../types/messages"
 * @import { Pair, Picture, Tag } from "../types/picture"
 */

/** @typedef {Pick<Picture, "asked" | "zeroPoint" | "symmetric" | "scaled" | "holdsZero">} Shown */

/** @typedef {Pick<Tag, "formats" | "calibrators">} Facts */

const SEPARATOR = "\x1f"; // playground/app/tensor_view.py
const WIDTHS = [2, 8]; // playground/app/format_choices.py
const RESET_ZERO_POINT = ["format", "symmetric", "narrow_range", "granularity", "convention"];
const RESET_RANGE = ["calibrator", "percentile", "calibrator_parameters"];
const PASSED_ON = [...RESET_ZERO_POINT.slice(1), "axis", "calibrator", "zoom", "channel", "block_size"];

/** The tensor picker's value for the tensor that is shown. */
export const tensorValue = (/** @type {Settings} */ { model, tensor }) => `${model}${SEPARATOR}${tensor}`;

/**
 * @param {Settings} settings as in playground.state
 * @param {string} name of the control; "lo" and "hi" for the ends of the range, "calibrated" for neither
 * @param {Value} value what it was moved to
 * @param {Shown} shown the picture that is on screen
 * @param {Facts} facts
 * @returns {Settings | null} the new settings; null if that is no value
 */
export function moved(settings, name, value, shown, facts) {
  const changes = changesOf(settings, name, value, shown, facts);
  if (!changes) return null;
  /** @type {Settings} */
  const next = { ...settings, ...changes };
  const touched = Object.keys(changes);
  if (next.model !== settings.model || next.tensor !== settings.tensor)
    next.lo = next.hi = next.zero_point = next.channel = null;
  if (touched.some((key) => RESET_ZERO_POINT.includes(key))) next.zero_point = null;
  if (touched.includes("granularity") || touched.includes("axis")) next.channel = null;
  if (touched.some((key) => RESET_RANGE.includes(key))) next.lo = next.hi = null;
  return next;
}

/**
 * What stands for a format in its menu: all widths of integers are one choice.
 * @param {string} format
 */
export const choiceOf = (format) => /^(u?int)\d+$/.exec(format)?.[1] ?? format;

/**
 * @param {Settings} settings
 * @param {string} name
 * @param {Value} value as `name` has it: a text, a number, both ends of a range ...
 * @param {Shown} shown
 * @param {Facts} facts
 * @returns {Partial<Settings> | null}
 */
function changesOf(settings, name, value, shown, { formats, calibrators }) {
  if (name === "tensor") {
    const [model, tensor] = String(value).split(SEPARATOR);
    return tensor === undefined ? null : { model, tensor };
  }
  if (name === "bits") return { format: `${choiceOf(settings.format)}${value}` };
  if (name === "format") {
    const width = Math.min(Math.max(formats[settings.format].bits, WIDTHS[0]), WIDTHS[1]);
    return { format: value === "int" || value === "uint" ? `${value}${width}` : String(value) };
  }
  if (name === "lo" || name === "hi") return dragged(settings, Number(name === "hi"), Number(value), shown);
  if (name === "calibrated") return { lo: null, hi: null, zero_point: null };
  if (name === "zero_point") return value === shown.zeroPoint ? {} : { zero_point: Number(value) };
  if (name.startsWith("parameter")) {
    const parameter = calibrators[settings.calibrator].parameters[Number(name.slice("parameter".length))];
    return parameter ? { calibrator_parameters: withParameter(settings, parameter, Number(value)) } : null;
  }
  if (name === "percentile") return { percentile: nineDigits(Number(value)) };
  return PASSED_ON.includes(name) ? { [name]: value } : null;
}

/**
 * The parameters of calibrators that differ from what they are if nothing is said.
 * @param {Settings} settings
 * @param {{ name: string, default: number }} parameter of the chosen calibrator
 * @param {number} value
 */
function withParameter({ calibrator, calibrator_parameters: text }, parameter, value) {
  const key = `${calibrator}.${parameter.name}`;
  const kept = text.split(",").map((part) => part.trim());
  const others = kept.filter((part) => part && !part.startsWith(`${key}=`));
  return [...others, ...(value === parameter.default ? [] : [`${key}=${value}`])].join(", ");
}

/**
 * A parameter of the chosen calibrator.
 * @param {Settings} settings
 * @param {{ name: string, default: number }} parameter
 */
export function parameterOf({ calibrator, calibrator_parameters: text }, parameter) {
  const key = `${calibrator}.${parameter.name}=`;
  const said = text.split(",").find((part) => part.trim().startsWith(key));
  return said ? Number(said.trim().slice(key.length)) : parameter.default;
}

/**
 * One end of the range was moved; of a symmetric range the other one goes with it. Where zero has to be in the range, no
 * end goes beyond it.
 * @param {Settings} settings
 * @param {number} end 0: the lower one, 1: the upper one
 * @param {number} value where it is now
 * @param {Shown} shown
 * @returns {Partial<Settings>}
 */
function dragged(settings, end, value, { asked, symmetric, scaled, holdsZero }) {
  const kept = !holdsZero ? value : end ? Math.max(value, 0) : Math.min(value, 0);
  const chosen = end ? settings.lo : settings.hi; // by now; what is shown may be a frame older
  const other = symmetric && scaled ? -kept : (chosen ?? asked[1 - end]);
  return { lo: nineDigits(Math.min(kept, other)), hi: nineDigits(Math.max(kept, other)), zero_point: null };
}
