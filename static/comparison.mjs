// The open model beside a second file, in the place of its inventory. The rows are Python's
// (playground/app/file_comparison.py). The second file never becomes the open one: no link and no copy holds it.
import { announce } from "./announce.mjs";
import { columnsOf, csvOf, dataOf } from "./comparison_table.mjs";
import { $, filesOf } from "./dom.mjs";
import { download } from "./download.mjs";
import { size } from "./fastpath/numbers.mjs";
import { Grid } from "./grid.mjs";
import { drawHistograms, HISTOGRAM_COLUMNS, histogramRows } from "./histograms.mjs";
import { showTable } from "./plots.mjs";

/**
 * @import { Job } from "./job.mjs"
 * @import { Compared, ComparedTensor, Failure, FilesComparison, Requests } from "./types/messages"
 * @import { Part } from "./types/page"
 */

const NARROW = matchMedia("(max-width: 760px)");
/** Names that are listed of what only one file has. */
const MOST_LISTED = 200;

/** @param {string[]} names */
const listed = (names) =>
  names.slice(0, MOST_LISTED).join(", ") +
  (names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : "");

/**
 * What is in one of the files alone, and what has another shape, in sentences.
 * @param {FilesComparison} compared
 */
function restOf({ missing, added, other_shapes: shapes }) {
  const sizes = shapes.map(({ name, shapes: [a, b] }) => `${name} (${a.join(" × ")} in A, ${b.join(" × ")} in B)`);
  return Object.entries({ "Only in A": missing, "Only in B": added, "Another shape": sizes }).flatMap(
    ([title, names]) => (names.length ? [`${title}: ${listed(names)}.`] : []),
  );
}

/** The buttons that compare with what the model was quantized to. */
const withQuantized = () =>
  /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-compare-quantized]"));

/** @param {string} text what is wrong with the patterns; empty: nothing */
function tellFault(text) {
  $("comparison-fault").textContent = text;
  $("comparison-fault").hidden = !text;
  $("comparison-rename").setAttribute("aria-invalid", String(Boolean(text)));
}

class Comparison {
  #part;
  #grid;
  /** What is compared; null: nothing. @type {FilesComparison | null} */
  #compared = null;
  /** @type {ComparedTensor | null} */
  #tensor = null;
  /** The second file, if it is one of the visitor's. @type {File[] | null} */
  #files = null;
  #running = false;
  #asked = 0;
  /** What Python told last. @type {{ model: string | null, beside: string }} */
  #state = { model: null, beside: "" };

  /** @param {Part & { job: Job, select: (view: string) => Promise<void> }} part */
  constructor(part) {
    this.#part = part;
    this.#grid = new Grid($("compared"), "Tensors of both files", (index) => this.#choose(index));
    NARROW.addEventListener("change", () => this.#layOut());
    new ResizeObserver(() => this.#draw()).observe($("comparison-plot"));
    addEventListener("playground-state", ({ detail }) => {
      this.#state = detail;
      for (const button of withQuantized()) button.hidden = !detail.quantized && !detail.before;
      $("comparison-before").hidden = detail.beside !== "earlier";
      this.#follow();
    });
    addEventListener("playground-compared", ({ detail: { compared, files, patterns } }) => {
      this.#files = files;
      $("comparison-rename").value = patterns.join("\n");
      tellFault("");
      this.#show(compared);
    });
    part.client.addEventListener("stopped", () => this.#again().catch(part.complain));
  }

  /**
   * Compares with another file; where that fails all stays as it is.
   * @param {File[]} files
   */
  async open(files) {
    await this.#part.ready();
    await this.#part.select("model");
    if (!(await this.#run({ second: "file", rename: "", files }, this.#part.complain))) return;
    this.#files = files;
    $("comparison-rename").value = "";
    this.#reach();
  }

  async openQuantized() {
    await this.#part.ready();
    await this.#part.select("model");
    if (!(await this.#run({ second: "quantized", rename: "" }, this.#part.complain))) return;
    this.#files = null;
    this.#reach();
  }

  /** The same files, their names matched by what is written. */
  async match() {
    tellFault("");
    await this.#part.ready();
    const content = /** @type {const} */ ({ second: "again", rename: $("comparison-rename").value });
    await this.#run(content, ({ message }) => tellFault(message));
  }

  /** The same files, their names matched as proposed. */
  async useProposal() {
    $("comparison-rename").value = this.#compared?.proposal.join("\n") ?? "";
    await this.match();
    $("comparison-rename").focus({ preventScroll: true });
  }

  /** A comparison that Python holds no longer, as when another model was opened, is not shown. */
  #follow() {
    if (!this.#running && !this.#state.beside) this.#leave();
  }

  /** Python is gone, and what it held: the next one compares again, unless that is what ended the last one. */
  async #again() {
    const [files, model, rename] = [this.#files, this.#compared?.a.file, $("comparison-rename").value];
    if (!files || !model || this.#running) return;
    await this.#part.ready();
    if (this.#state.model !== model) return;
    if (await this.#run({ second: "file", rename, files }, this.#part.complain)) this.#files = files;
  }

  /**
   * @param {Requests["compare"]["content"]} content
   * @param {(error: Failure) => void} complain
   */
  async #run(content, complain) {
    this.#running = true;
    try {
      const answer = await this.#part.job.run("compare", "Opening the second file", complain, content);
      if (answer) this.#show(answer.result);
      return Boolean(answer);
    } finally {
      this.#running = false;
      this.#follow();
    }
  }

  /** @param {Compared} compared */
  #show({ comparison, sentence, picture }) {
    this.#compared = comparison;
    for (const [id, { file, format, bytes }] of /** @type {const} */ ([
      ["comparison-a", comparison.a],
      ["comparison-b", comparison.b],
    ]))
      $(id).textContent = `${file} (${[format, bytes ? size(bytes) : ""].filter(Boolean).join(", ")})`;
    $("comparison-sentence").textContent = sentence;
    const rest = restOf(comparison);
    $("comparison-rest").hidden = !rest.length;
    $("comparison-rest-text").replaceChildren(
      ...rest.map((text) => Object.assign(document.createElement("p"), { textContent: text, className: "hint" })),
    );
    const matched = comparison.pairs.length > 0;
    for (const id of /** @type {const} */ (["comparison-parts", "comparison-save"])) $(id).hidden = !matched;
    const { proposal } = comparison;
    $("comparison-proposal").hidden = !proposal.length;
    $("comparison-proposed").textContent = proposal.join("  ");
    if (!matched || proposal.length) $("comparison-names").open = true;
    $("comparison").hidden = false;
    $("inventory-card").hidden = true;
    this.#layOut();
    this.#grid.setData(dataOf(comparison.pairs));
    this.#showTensor(picture);
    announce(sentence);
  }

  /** The visitor has asked for it: the keyboard and the screen go there. */
  #reach() {
    tellFault("");
    $("comparison-title").focus({ preventScroll: true });
    $("comparison").scrollIntoView({ block: "start" });
  }

  #layOut() {
    const renamed = this.#compared?.pairs.some(({ name, other }) => name !== other) ?? false;
    this.#grid.setColumns(columnsOf(NARROW.matches, renamed));
  }

  /** @param {number} index of a row */
  async #choose(index) {
    const { name } = this.#compared?.pairs[index] ?? { name: "" };
    this.#asked += 1;
    const asked = this.#asked;
    this.#grid.mark(name);
    try {
      await this.#part.ready();
      const running = this.#part.client.request("compared_tensor", { name });
      const { result } = await this.#part.job.follow(running, `Reading ${name}`);
      if (asked !== this.#asked) return; // another one was chosen meanwhile
      this.#showTensor(result);
      announce(result.sentence);
    } catch (error) {
      this.#part.complain(/** @type {Failure} */ (error));
    }
  }

  /** @param {ComparedTensor | null} tensor */
  #showTensor(tensor) {
    this.#tensor = tensor;
    this.#grid.mark(tensor?.name ?? "");
    $("comparison-tensor").textContent = tensor?.sentence ?? "No tensor could be compared.";
    for (const id of /** @type {const} */ (["comparison-plot", "comparison-table", "comparison-axis"]))
      $(id).toggleAttribute("hidden", !tensor?.histograms);
    $("comparison-plot").setAttribute(
      "aria-label",
      `Histograms of both files over each other. ${tensor?.sentence ?? ""}`,
    );
    this.#draw();
  }

  #draw() {
    if (this.#tensor?.histograms) drawHistograms($("comparison-plot"), this.#tensor.histograms);
  }

  table() {
    const { name = "", sentence = "", histograms } = this.#tensor ?? {};
    if (histograms) showTable(name, sentence, HISTOGRAM_COLUMNS, histogramRows(histograms));
  }

  save() {
    if (!this.#compared) return;
    const name = `${this.#compared.a.file} beside ${this.#compared.b.file}.csv`.replace(/[^\w.() -]+/g, "_");
    download(name, csvOf(this.#compared.pairs), "text/csv");
  }

  async close() {
    this.#leave();
    $("compare").focus();
    await this.#part.ready();
    await this.#part.client.request("end_comparison");
  }

  /** The inventory is back. */
  #leave() {
    if (!this.#compared) return;
    this.#compared = this.#tensor = this.#files = null;
    $("comparison").hidden = true;
    $("inventory-card").hidden = false;
  }
}

/**
 * @param {Part & { job: Job, select: (view: string) => Promise<void> }} part
 * @returns {(files: File[]) => void} compares with the files of a model
 */
export function installComparison(part) {
  const comparison = new Comparison(part);
  const { complain } = part;
  const input = $("compare-file");
  const open = (/** @type {File[]} */ files) => void comparison.open(files).catch(complain);
  input.addEventListener("change", () => {
    const files = filesOf(input);
    if (files.length) open(files);
  });
  const openers = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-compare]"));
  for (const opener of openers) opener.addEventListener("click", () => input.click());
  for (const button of withQuantized())
    button.addEventListener("click", () => comparison.openQuantized().catch(complain));
  $("comparison-match").addEventListener("click", () => comparison.match().catch(complain));
  $("comparison-use").addEventListener("click", () => comparison.useProposal().catch(complain));
  $("comparison-close").addEventListener("click", () => comparison.close().catch(complain));
  $("comparison-save").addEventListener("click", () => comparison.save());
  $("comparison-table").addEventListener("click", () => comparison.table());
  return open;
}
