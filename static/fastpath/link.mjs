// What a link asks of the Tensor view, before Python is there: each value is held against the schema that Python
// validates with (playground/settings/schema.py). A value that does not fit keeps its default; Python says which and why.
import { nineDigits } from "./numbers.mjs";

/**
 * @import { Field, Schema, Settings } from "../types/messages"
 */

const WORDS = new Map([
  ["1", true],
  ["true", true],
  ["0", false],
  ["false", false],
]);

/**
 * @param {string} query
 * @param {Settings} settings the defaults
 * @param {Schema} schema
 * @returns {Partial<Settings>} what differs from them in the Tensor view
 */
export function linked(query, settings, schema) {
  const text = query.replace(/^\?/, "");
  if ([...text].length > schema.most_characters || text.split("&").length > schema.most_fields) return {};
  const pairs = new URLSearchParams(`?${text}`); // it would take one more question mark away
  if ((pairs.getAll("v").at(-1) ?? String(schema.version)) !== String(schema.version)) return {};
  /** @type {Record<string, unknown>} */
  const changes = {};
  for (const [name, value] of pairs) {
    if (!Object.hasOwn(schema.fields, name) || schema.fields[name].view !== "tensor") continue;
    const found = accepted(value, schema.fields[name], schema.number);
    if (found !== undefined) changes[name] = found;
  }
  for (const [name, value] of Object.entries(changes)) {
    if (Object.is(value, settings[/** @type {keyof Settings} */ (name)])) delete changes[name];
  }
  return changes;
}

/**
 * The value of a text; `undefined` if it is invalid.
 * @param {string} text
 * @param {Field} field
 * @param {string} number a regular expression
 * @returns {string | number | boolean | null | undefined}
 */
function accepted(text, field, number) {
  if (field.optional && text === "") return null;
  if (field.kind === "boolean") return WORDS.get(text.toLowerCase());
  if (field.kind === "choice") return field.accepted?.includes(text) ? text : undefined;
  if (field.kind === "text") return [...text].length <= (field.most ?? 0) ? text : undefined;
  if (field.kind !== "number" && field.kind !== "integer") return undefined;
  const trimmed = text.replace(/^ +| +$/g, "");
  if (trimmed.length > (field.most ?? 0) || !new RegExp(number).test(trimmed)) return undefined;
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return undefined;
  const kept = nineDigits(value);
  const { lowest = 0, highest = 0 } = field;
  return kept >= lowest && kept <= highest && (field.kind === "number" || Number.isInteger(kept)) ? kept : undefined;
}
