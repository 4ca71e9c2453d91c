// What Bokeh leaves to the page: handles that follow the pointer, and a table that redraws when its data changes.

/** @import { BokehDocument, Formatter } from "./types/bokeh" */

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

/**
 * Redraws the table when its source changes: Bokeh's own listens to changes of the view only.
 * @param {BokehDocument} doc
 */
export function installTable(doc) {
  const table = doc.get_model_by_name("inventory-table");
  for (const { formatter } of table?.columns ?? []) writeAsThePage(formatter);
  table?.view.change.emit();
  doc.get_model_by_name("inventory")?.properties.data.change.connect(() => table?.view.change.emit());
}

const asThePage = new WeakSet();

/**
 * Has the numbers of tables written as the page writes its others: 12 345 and kB.
 * @param {Formatter} formatter of a column
 */
function writeAsThePage(formatter) {
  if (formatter.type !== "NumberFormatter") return;
  // Columns hold its doFormat already, and that calls the next one, which looks at nothing but text
  const texts = Object.getPrototypeOf(Object.getPrototypeOf(formatter));
  if (asThePage.has(texts)) return;
  asThePage.add(texts);
  const write = texts.doFormat;
  /** @this {Formatter} @param {unknown[]} cell row, column, value and what else it is called with */
  texts.doFormat = function (...cell) {
    if (this.type === "NumberFormatter" && typeof cell[2] === "string") {
      cell[2] = cell[2].replace(/\bKB\b/, "kB").replace(/(?<=\d),(?=\d{3}\b)/g, "\u202f");
    }
    return write.apply(this, cell);
  };
}
