// Sizes that the open model leaves open: they are tried in the background as soon as they can be chosen, in the card about
// the opened file, in the Model view or before a run. The card's list is here, the Model view's form is Python's.
import { announce } from "./announce.mjs";
import { $ } from "./dom.mjs";

/**
 * @import { BokehDocument, Control } from "./types/bokeh"
 * @import { Failure, State } from "./types/messages"
 * @import { Part } from "./types/page"
 */

const CHOOSE = "Choose sizes";
const TRYING = "Sizes are being tried";
const OTHER = "Other sizes";
/** What no sizes look like. */
const OTHER_VALUE = "other";
/** A view that has to be drawn first takes a second on a slow machine. */
const MOST_FRAMES = 300;

/**
 * Speaks what is written below the field of the Model view's document when it refuses a text.
 * @param {BokehDocument} doc
 */
export function followSizes(doc) {
  for (const model of doc.all_models) {
    if (!("value_input" in model && "label" in model && model.label?.startsWith("Sizes"))) continue;
    const field = /** @type {Control} */ (model);
    field.properties.helper_text.change.connect(() => {
      if (field.helper_text) announce(field.helper_text);
    });
  }
}

/**
 * The list of the card about the opened file; hidden where the file leaves nothing open.
 * @param {State} state
 */
function showChoices({ sizes: { inputs, tried, choices }, settings: { sizes } }) {
  $("opened-sizes").hidden = !inputs.length;
  const list = inputs.join(", ");
  $("opened-sizes-about").textContent =
    inputs.length === 1
      ? `Size of the input ${list}, which the file leaves open. Made-up inputs have it:`
      : `Sizes of the inputs ${list}, which the file leaves open. Made-up inputs have them:`;
  const own = sizes && !choices.some((choice) => choice.sizes === sizes) ? [[sizes, sizes]] : [];
  const all = [["", tried ? CHOOSE : TRYING], ...choices.map(({ label, sizes: value }) => [value, label]), ...own];
  $("opened-size").replaceChildren(...[...all, [OTHER_VALUE, OTHER]].map(([value, label]) => new Option(label, value)));
  $("opened-size").value = sizes;
}

/**
 * The field of the Model view in which sizes are written: it is in a component of Panel's.
 * @param {ParentNode} root
 * @returns {HTMLElement | null}
 */
function writtenField(root) {
  const found = /** @type {HTMLElement | null} */ (root.querySelector("input[type=text]"));
  if (found) return found;
  const within = [...root.querySelectorAll("*")].map(({ shadowRoot }) => shadowRoot && writtenField(shadowRoot));
  return within.find((field) => field) ?? null;
}

/** That field, once the Model view is drawn; null if it is not within some seconds. */
async function drawnField() {
  for (let frame = 0; frame < MOST_FRAMES; frame += 1) {
    const field = $("view-model").hasAttribute("data-waits") ? null : writtenField($("slot-model-sizes"));
    if (field) return field;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return null;
}

/** @param {Part & { select: (view: string) => Promise<void> }} part */
export function installSizes({ client, complain, ready, select }) {
  let busy = false;
  /** @type {State | null} */
  let last = null;

  async function tried() {
    busy = true;
    try {
      await ready();
      await client.request("sizes");
    } catch (error) {
      complain(/** @type {Failure} */ (error));
    } finally {
      busy = false;
    }
  }

  function follow() {
    if (!last) return;
    showChoices(last);
    const { inputs, tried: known } = last.sizes;
    const seen = !$("opened").hidden || !$("view-model").hidden || !$("view-run").hidden;
    if (inputs.length && !known && seen && !busy) tried();
  }

  async function writeOther() {
    await select("model");
    const row = /** @type {HTMLElement | null} */ (document.querySelector('[data-chips="model"]'));
    if (row?.getClientRects().length && row.getAttribute("aria-expanded") === "false") row.click();
    const field = await drawnField();
    field?.scrollIntoView({ block: "center" });
    field?.focus({ preventScroll: true });
  }

  $("opened-size").addEventListener("change", () => {
    const { value } = $("opened-size");
    if (value === OTHER_VALUE) $("opened-size").value = last?.settings.sizes ?? "";
    const done = value === OTHER_VALUE ? writeOther() : client.request("set", { changes: { sizes: value } });
    done.catch(complain);
  });
  addEventListener("playground-state", ({ detail }) => {
    last = detail;
    follow();
  });
  addEventListener("playground-opened", follow);
}
