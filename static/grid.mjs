// A table of many rows as one grid: a single tab stop, moved over by the arrow keys, of which only the rows in sight are
// in the document. It is what the WAI-ARIA practices call a data grid.
import { compare, isMissing, make, placeOf, putName } from "./grid_cells.mjs";

/**
 * @typedef {object} Column
 * @property {string} field
 * @property {string} title
 * @property {number} least pixels that it needs in letters of 13 pixels
 * @property {number} [share] of the room that is left
 * @property {boolean} [number] whether it is set flush right and sorted from the largest
 * @property {(value: unknown) => string} [write]
 * @property {string} [instead] the field whose text stands where there is no value
 * @property {boolean} [name] whether a text that is too long is cut in its middle
 */
/** @typedef {Record<string, ArrayLike<unknown>>} Data column -> values, one a row */

const ROW = 30;
/** Rows that are kept above and below those in sight. */
const SPARE = 6;
const PAGE = 8;

/** What takes so many pixels in letters of 13 pixels, in letters of any size. */
const em = (/** @type {number} */ pixels) => `${(pixels / 13).toFixed(3)}em`;

export class Grid {
  #element;
  #choose;
  /** @type {Column[]} */
  #columns = [];
  /** @type {Data} */
  #data = {};
  /** The rows as they are shown: index in the data. @type {number[]} */
  #order = [];
  /** @type {{ field: string, down: boolean } | null} */
  #sorted = null;
  /** The cell with the tab stop; row -1 is that of the titles. */
  #active = { row: -1, column: 0 };
  /** @type {Map<number, HTMLElement>} */
  #shown = new Map();
  #head = make("div", "rowgroup", "grid-head");
  #body = make("div", "rowgroup", "grid-body");
  #chosen = "";

  /**
   * @param {HTMLElement} element becomes the grid
   * @param {string} label
   * @param {(index: number) => void} choose called with the row of the data that was chosen
   */
  constructor(element, label, choose) {
    this.#element = element;
    this.#choose = choose;
    element.setAttribute("role", "grid");
    element.setAttribute("aria-label", label);
    element.replaceChildren(this.#head, this.#body);
    element.addEventListener("scroll", () => this.#fill(), { passive: true });
    element.addEventListener("keydown", (event) => this.#pressed(event));
    element.addEventListener("click", (event) => this.#clicked(event));
    element.addEventListener("focusin", ({ target }) => this.#reached(target));
    new ResizeObserver(() => this.#fill()).observe(element);
  }

  /** @param {Column[]} columns */
  setColumns(columns) {
    this.#columns = columns;
    this.#active.column = Math.min(this.#active.column, columns.length - 1);
    const widths = columns.map(({ least, share }) => (share ? `minmax(${em(least)}, ${share}fr)` : em(least)));
    this.#element.style.setProperty("--columns", widths.join(" "));
    this.#element.style.setProperty("--least", em(columns.reduce((sum, { least }) => sum + least, 0)));
    this.#element.setAttribute("aria-colcount", String(columns.length));
    this.#draw();
  }

  /** @param {Data} data */
  setData(data) {
    this.#data = data;
    this.#arrange();
    this.#draw();
  }

  /**
   * Marks the row whose first column holds a name.
   * @param {string} name
   */
  mark(name) {
    this.#chosen = name;
    for (const [row, element] of this.#shown) element.setAttribute("aria-selected", String(this.#isChosen(row)));
  }

  /** @param {number} row */
  #isChosen(row) {
    return this.#data[this.#columns[0]?.field]?.[this.#order[row]] === this.#chosen;
  }

  /** Puts the rows in order; what has no value comes last, whichever way one sorts. */
  #arrange() {
    const count = this.#data[this.#columns[0]?.field]?.length ?? 0;
    this.#order = Array.from({ length: count }, (_, i) => i);
    const sorted = this.#sorted;
    const values = sorted && this.#data[sorted.field];
    if (!sorted || !values) return;
    this.#order.sort((a, b) => {
      const missing = Number(isMissing(values[a])) - Number(isMissing(values[b]));
      return missing || (sorted.down ? -1 : 1) * compare(values[a], values[b]) || a - b;
    });
  }

  #draw() {
    const held = this.#element.contains(document.activeElement);
    this.#active.row = Math.min(this.#active.row, this.#order.length - 1);
    this.#element.setAttribute("aria-rowcount", String(this.#order.length + 1));
    this.#body.style.height = `${this.#order.length * ROW}px`;
    this.#head.replaceChildren(this.#titles());
    this.#body.replaceChildren();
    this.#shown.clear();
    this.#fill();
    if (held) this.#cell()?.focus({ preventScroll: true });
  }

  #titles() {
    const row = make("div", "row", "grid-row");
    row.setAttribute("aria-rowindex", "1");
    for (const [i, { field, title, number }] of this.#columns.entries()) {
      const cell = make("div", "columnheader", number ? "number" : "");
      const down = this.#sorted?.field === field ? this.#sorted.down : null;
      cell.textContent = title;
      cell.setAttribute("aria-sort", down === null ? "none" : down ? "descending" : "ascending");
      row.append(this.#placed(cell, -1, i));
    }
    return row;
  }

  /**
   * @param {HTMLElement} cell
   * @param {number} row
   * @param {number} column
   */
  #placed(cell, row, column) {
    const active = row === this.#active.row && column === this.#active.column;
    cell.tabIndex = active ? 0 : -1;
    cell.setAttribute("aria-colindex", String(column + 1));
    cell.dataset.row = String(row);
    cell.dataset.column = String(column);
    return cell;
  }

  /** @param {number} row */
  #row(row) {
    const index = this.#order[row];
    const made = make("div", "row", "grid-row");
    made.style.top = `${row * ROW}px`;
    made.setAttribute("aria-rowindex", String(row + 2));
    made.setAttribute("aria-selected", String(this.#isChosen(row)));
    for (const [i, { field, number, name, instead = "", write = String }] of this.#columns.entries()) {
      const cell = make("div", i ? "gridcell" : "rowheader", number ? "number" : "");
      const value = this.#data[field]?.[index];
      if (name) putName(cell, String(value));
      else cell.textContent = cell.title = isMissing(value) ? String(this.#data[instead]?.[index] ?? "") : write(value);
      made.append(this.#placed(cell, row, i));
    }
    return made;
  }

  /** Has the rows in sight in the document, and the one with the tab stop; takes the others out. */
  #fill() {
    const { scrollTop, clientHeight } = this.#element;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
    const last = Math.min(this.#order.length - 1, Math.ceil((scrollTop + clientHeight) / ROW) + SPARE);
    const wanted = new Set(Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i));
    if (this.#active.row >= 0) wanted.add(this.#active.row);
    for (const [row, element] of this.#shown) {
      if (wanted.has(row)) continue;
      element.remove();
      this.#shown.delete(row);
    }
    for (const row of wanted) {
      if (this.#shown.has(row)) continue;
      const made = this.#row(row);
      this.#shown.set(row, made);
      this.#body.append(made);
    }
  }

  /** The element of the cell with the tab stop. */
  #cell() {
    const { row, column } = this.#active;
    const line = row < 0 ? this.#head.firstElementChild : this.#shown.get(row);
    return /** @type {HTMLElement | undefined} */ (line?.children[column]);
  }

  /**
   * Moves the tab stop, and the keyboard with it.
   * @param {number} row
   * @param {number} column
   */
  #go(row, column) {
    const before = this.#cell();
    if (before) before.tabIndex = -1;
    this.#active = {
      row: Math.min(Math.max(row, -1), this.#order.length - 1),
      column: Math.min(Math.max(column, 0), this.#columns.length - 1),
    };
    this.#fill();
    const cell = this.#cell();
    if (!cell) return;
    cell.tabIndex = 0;
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { row, column } = this.#active;
    const [top, last] = [event.ctrlKey ? -1 : row, event.ctrlKey ? this.#order.length - 1 : row];
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => this.#go(row + 1, column),
      ArrowUp: () => this.#go(row - 1, column),
      ArrowLeft: () => this.#go(row, column - 1),
      ArrowRight: () => this.#go(row, column + 1),
      PageDown: () => this.#go(row + PAGE, column),
      PageUp: () => this.#go(row - PAGE, column),
      Home: () => this.#go(top, 0),
      End: () => this.#go(last, this.#columns.length - 1),
      Enter: () => this.#act(row, column),
      " ": () => this.#act(row, column),
    };
    if (event.altKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** @param {MouseEvent} event */
  #clicked({ target }) {
    const place = placeOf(target);
    if (!place) return;
    this.#go(place.row, place.column);
    this.#act(place.row, place.column);
  }

  /**
   * The keyboard has come to a cell by another way, as a screen reader's: the tab stop goes with it.
   * @param {EventTarget | null} target
   */
  #reached(target) {
    const place = placeOf(target);
    if (!place) return;
    const before = this.#cell();
    if (before) before.tabIndex = -1;
    this.#active = place;
    const cell = this.#cell();
    if (cell) cell.tabIndex = 0;
  }

  /**
   * A title sorts its column: from the largest first if it holds numbers, then the other way, then not at all.
   * @param {number} row
   * @param {number} column
   */
  #act(row, column) {
    if (row >= 0) {
      this.#choose(this.#order[row]);
      return;
    }
    const { field, number = false } = this.#columns[column];
    const { down } = this.#sorted?.field === field ? this.#sorted : { down: null };
    if (down === null) this.#sorted = { field, down: number };
    else this.#sorted = down === number ? { field, down: !number } : null;
    this.#arrange();
    this.#draw();
  }
}
