// The inventory of the Model view: the rows are Python's (playground/app/model_view.py), the grid is the page's.
import { announce } from "./announce.mjs";
import { $ } from "./dom.mjs";
import { fixed, grouped, size } from "./fastpath/numbers.mjs";
import { Grid } from "./grid.mjs";

/**
 * @import { Column } from "./grid.mjs"
 * @import { BokehDocument, Control } from "./types/bokeh"
 * @import { Part } from "./types/page"
 */

const whole = (/** @type {unknown} */ value) => grouped(Number(value));
const bytes = (/** @type {unknown} */ value) => size(Number(value));
const tenths = (/** @type {unknown} */ value) => fixed(Number(value), 1);

/** @type {Column[]} */
const COLUMNS = [
  { field: "name", title: "Tensor", least: 112, share: 3, name: true },
  { field: "op", title: "Operator", least: 70, share: 1 },
  { field: "shape", title: "Shape", least: 116, share: 1.3 },
  { field: "dtype", title: "Type", least: 60 },
  { field: "parameters", title: "Parameters", least: 84, number: true, write: whole },
  { field: "bytes", title: "Size", least: 66, number: true, write: bytes },
  { field: "format", title: "Quantized as", least: 100, share: 2 },
  { field: "after", title: "Size after", least: 66, number: true, write: bytes },
  { field: "sqnr", title: "SQNR, dB", least: 54, number: true, write: tenths },
  { field: "output", title: "Alone, dB", least: 54, number: true, write: tenths },
  { field: "piled", title: "In all, dB", least: 54, number: true, write: tenths },
  { field: "share", title: "Harm, %", least: 54, number: true, write: tenths },
];
/** On a phone: what it is, what becomes of it, and how good that is. */
const SHORT = ["name", "format", "sqnr"];
const NARROW = matchMedia("(max-width: 760px)");

/** The label of the field (playground/app/model_view.py). */
const SEARCH = "Search the layers";

/** @type {Grid | null} */
let grid = null;
/** @type {Part} */
let part;
/** @type {BokehDocument | null} */
let shown = null;

const names = () => shown?.get_model_by_name("inventory")?.data.name ?? [];

/** @param {number} index of a row */
async function choose(index) {
  const name = String(names()[index]);
  try {
    await part.ready();
    await part.client.request("set", { changes: { tensor: name } });
    announce(`${name} is now the tensor of the Tensor view.`);
  } catch (error) {
    part.complain(/** @type {import("./types/messages").Failure} */ (error));
  }
}

/** The search field of the document. */
function searchField() {
  for (const model of shown?.all_models ?? []) {
    if ("label" in model && model.label === SEARCH) return /** @type {Control} */ (model);
  }
  return null;
}

/** Empties the search; the keyboard goes to the grid, as the button is hidden then. */
function clearSearch() {
  const field = searchField();
  if (field) field.value_input = field.value = "";
  /** @type {HTMLElement | null} */ ($("inventory").querySelector("[tabindex='0']"))?.focus({ preventScroll: true });
}

/** Says so where nothing fits the search. */
function tellNone() {
  const text = searchField()?.value_input ?? "";
  const none = !names().length && text !== "";
  const told = `No tensor fits '${text}'.`;
  if (none && $("inventory-none").hidden) announce(told);
  $("inventory-none").hidden = !none;
  $("inventory-none-text").textContent = told;
}

function layOut() {
  grid?.setColumns(NARROW.matches ? COLUMNS.filter(({ field }) => SHORT.includes(field)) : COLUMNS);
}

/** @param {Part} given */
export function installInventory(given) {
  part = given;
  grid = new Grid($("inventory"), "Inventory of the model", choose);
  $("inventory-clear").addEventListener("click", clearSearch);
  layOut();
  NARROW.addEventListener("change", layOut);
  addEventListener("playground-state", ({ detail }) => grid?.mark(detail.settings.tensor ?? ""));
}

/**
 * Shows the rows of a Model view's document, now and whenever they change.
 * @param {BokehDocument} doc
 */
export function followInventory(doc) {
  shown = doc;
  const source = doc.get_model_by_name("inventory");
  if (!source || !grid) return;
  const update = () => {
    grid?.setData(source.data);
    tellNone();
  };
  source.properties.data.change.connect(update);
  update();
}
