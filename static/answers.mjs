// The Run view's grid: samples with both models' answers, those that changed first. A click loads one.
import { $ } from "./dom.mjs";

/**
 * @import { SampleAnswer } from "./types/messages"
 * @import { Part } from "./types/page"
 */

const CELLS = 8;
const PICTURE = 48;

/** @param {number[]} pixels grey levels of a digit */
function picture(pixels) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PICTURE;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const size = PICTURE / CELLS;
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--text");
  pixels.forEach((grey, i) => {
    context.globalAlpha = grey;
    context.fillRect((i % CELLS) * size, Math.floor(i / CELLS) * size, size, size);
  });
  return canvas;
}

/**
 * @param {SampleAnswer} sample
 * @param {(index: number) => void} load
 */
function tile({ index, original, quantized, same, label, pixels }, load) {
  const button = document.createElement("button");
  button.className = "tile";
  button.dataset.same = String(same);
  if (!same) button.dataset.changed = "";
  if (pixels.length) button.append(picture(pixels));
  const lines = [
    ["name", `Sample ${index + 1}${label ? `, is ${label}` : ""}`],
    ["float", `float ${original}`],
    ["quant", `quantized ${quantized}`],
  ].map(([kind, text]) => {
    const line = document.createElement("span");
    line.className = kind;
    line.textContent = text;
    return line;
  });
  const texts = document.createElement("span");
  texts.className = "lines";
  texts.append(...lines);
  button.append(texts);
  button.addEventListener("click", () => load(index));
  return button;
}

/** @param {Part & { load: (index: number) => void }} part `load` runs both models on a sample */
export function installAnswers({ client, complain, ready, load }) {
  let shown = 0;
  let busy = false;

  async function refresh(/** @type {number} */ comparison) {
    busy = true;
    try {
      await ready();
      const { result } = await client.request("answers");
      shown = comparison;
      const { title, hint, samples } = result;
      $("answers-card").hidden = !samples.length;
      $("answers-title").textContent = title;
      $("answers-hint").textContent = hint;
      $("answers").replaceChildren(...samples.map((sample) => tile(sample, load)));
    } catch (error) {
      complain(/** @type {import("./types/messages").Failure} */ (error));
    } finally {
      busy = false;
    }
  }

  let newest = 0;
  async function look() {
    if ($("view-run").hidden || busy) return;
    while (newest !== shown) await refresh(newest);
  }
  addEventListener("playground-state", ({ detail }) => {
    newest = detail.comparison;
    look();
  });
  addEventListener("playground-view", look);
  $("theme")?.addEventListener("click", () => {
    shown = -1;
    look();
  });
}
