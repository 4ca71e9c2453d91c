// Sizes that the open model leaves open: they are tried in the background as soon as the Model or Run view is on screen.
import { announce } from "./announce.mjs";
import { $ } from "./dom.mjs";

/**
 * @import { BokehDocument, Control } from "./types/bokeh"
 * @import { Failure } from "./types/messages"
 * @import { Part } from "./types/page"
 */

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

/** @param {Part} part */
export function installSizes({ client, complain, ready }) {
  let busy = false;

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

  addEventListener("playground-state", ({ detail }) => {
    const seen = !$("view-model").hidden || !$("view-run").hidden;
    if (detail.untried_sizes && seen && !busy) tried();
  });
}
