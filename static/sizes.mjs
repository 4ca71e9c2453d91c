// Sizes that the open model leaves open: they are tried in the background as soon as the Model or Run view is on screen.
import { $ } from "./dom.mjs";

/**
 * @import { Failure } from "./types/messages"
 * @import { Part } from "./types/page"
 */

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
