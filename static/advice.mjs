// The sentence on top of each view: what is the case, and a link that does what is proposed. Python works it out when
// nothing has changed for a moment.
import { $ } from "./dom.mjs";

/**
 * @import { Advice, Failure, State } from "./types/messages"
 * @import { Part } from "./types/page"
 */

const IDLE_MS = 250;

/** What a sentence may have pressed: name -> control. */
const CONTROLS = {
  quantize: () => $("quantize"),
  sensitivity: () => $("sensitivity"),
  improve: () => $("improve"),
  race: () => $("race"),
  calibration: () => $("calibration"),
  "save-model": () => $("save-model"),
  answers: () => /** @type {HTMLElement | null} */ (document.querySelector("#answers [data-changed]")),
};

/** @param {string} view */
const placeOf = (view) => /** @type {HTMLElement | null} */ (document.querySelector(`[data-advice="${view}"]`));

/**
 * @param {string} view
 * @param {Advice} advice
 * @param {() => void} act
 */
export function showAdvice(view, { text, label, gain }, act) {
  const place = placeOf(view);
  if (!place) return;
  place.classList.remove("stale");
  const parts = [text];
  if (!label) {
    place.replaceChildren(...parts);
    return;
  }
  const link = document.createElement("button");
  link.className = "link";
  link.textContent = label;
  link.addEventListener("click", act);
  place.replaceChildren(`${text} `, link, gain ? ` (${gain})` : "");
}

/**
 * @param {Part & { shown: () => string, select: (view: string) => Promise<void> }} part `shown` tells the view on screen
 */
export function installAdvice({ client, complain, ready, shown, select }) {
  let newest = 0;
  let timer = 0;
  /** The query of the settings that the sentence of the build is about; empty: it has been replaced. */
  let frozen = "";

  /** @param {Advice} advice */
  async function act({ changes, press, view }) {
    try {
      await ready();
      if (placeOf(view)) await select(view);
      else if (press) CONTROLS[/** @type {keyof typeof CONTROLS} */ (press)]?.()?.click();
      else await client.request("set", { changes });
    } catch (error) {
      complain(/** @type {Failure} */ (error));
    }
  }

  async function ask() {
    const mine = ++newest;
    const view = shown();
    try {
      await ready();
      const { result } = await client.request("advice", { view });
      if (mine === newest) showAdvice(view, result, () => act(result));
    } catch (error) {
      console.info("no advice:", error); // Python was restarted or is busy: the next state asks again
    }
  }

  /** @param {State | null} state what it is about; null: another view */
  function soon(state) {
    if (frozen && state?.query === frozen && !state.quantized && shown() === "tensor") return;
    frozen = "";
    newest += 1;
    clearTimeout(timer);
    const place = placeOf(shown());
    place?.classList.add("stale");
    timer = setTimeout(ask, place?.hasChildNodes() ? IDLE_MS : 0);
  }

  addEventListener("playground-state", ({ detail }) => soon(detail));
  addEventListener("playground-view", () => soon(null));
  addEventListener("playground-first-advice", ({ detail }) => {
    frozen = detail.state.query;
    showAdvice("tensor", detail.advice, () => act(detail.advice));
  });
}
