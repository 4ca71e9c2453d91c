// What Bokeh leaves to the page: handles that follow the pointer.

/** @import { BokehDocument } from "./types/bokeh" */

/**
 * Keeps the drawn handles where the invisible, wide grips are being dragged to.
 * @param {BokehDocument} doc
 */
export function installHandles(doc) {
  const [low, high] = [doc.get_model_by_name("grip-lo"), doc.get_model_by_name("grip-hi")];
  const drawn = doc.get_model_by_name("handles");
  if (!drawn || !low || !high) return;
  const grips = [low, high];
  const follow = () => {
    const x = grips.map((grip) => grip.location);
    if (x.every((value, i) => value === drawn.data.x[i])) return;
    drawn.data.x = x;
    drawn.change.emit();
  };
  for (const grip of grips) grip.properties.location.change.connect(follow);
  drawn.properties.data.change.connect(follow);
}
