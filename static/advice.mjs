// The sentence on top of each view: what is the case, and a link that does what is proposed. Python works it out when
// nothing has changed for a moment.
import { $, keepFocus, unbroken } from "./dom.mjs";

/**
 * @import { Advice, Failure, Kind, State } from "./types/messages"
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

/** @param {keyof typeof CONTROLS} name */
function pressControl(name) {
  const control = CONTROLS[name]?.();
  control?.focus({ preventScroll: true }); // the keyboard comes back to it when the work is done (job.mjs)
  control?.click();
}

/** What is said instead of the link while just that is done: a proposal of what is under way is none. */
const UNDER_WAY = /** @type {Record<string, string>} */ ({
  quantize: "It is being quantized.",
  sensitivity: "Each layer is being measured.",
  improve: "The remedies are being tried.",
  race: "The engines are being compared.",
});
/** Work that quantizes the model first where it is not yet. @type {Set<Kind>} */
const QUANTIZES = new Set(["quantize", "sensitivity", "mixed", "improve", "curve", "race", "run", "sample", "prompt"]);

/**
 * What is under way of what a sentence proposes, in words; empty: nothing.
 * @param {string} press
 * @param {Kind[]} kinds under way
 */
const underWay = (press, kinds) =>
  kinds.some((kind) => kind === press || (press === "quantize" && QUANTIZES.has(kind))) ? (UNDER_WAY[press] ?? "") : "";

/** @param {string} view */
const placeOf = (view) => /** @type {HTMLElement | null} */ (document.querySelector(`[data-advice="${view}"]`));

/**
 * @param {string} view
 * @param {Advice} advice
 * @param {() => void} act
 * @param {Kind[]} kinds what is under way
 */
function showAdvice(view, { text, label, gain, press }, act, kinds) {
  const place = placeOf(view);
  if (!place) return;
  place.classList.remove("stale");
  const parts = unbroken(text);
  const held = place.contains(document.activeElement);
  const running = underWay(press, kinds);
  if (running) parts.push(` ${running}`);
  if (running || !label) {
    place.replaceChildren(...parts);
    if (held) keepFocus(running ? $("cancel") : place);
    return;
  }
  const link = document.createElement("button");
  link.className = "link";
  link.textContent = label;
  link.addEventListener("click", act);
  place.replaceChildren(...parts, " ", link, ...unbroken(gain ? ` (${gain})` : ""));
  if (held) keepFocus(link); // the next proposal is where the last one was
}

/** The buttons of the Model view's cards that do what the sentence on top proposes, which may be out of sight. */
const proposals = () => /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-proposal]"));

/** @param {Advice | null} advice null: it is worked out anew */
function showProposals(advice) {
  for (const button of proposals()) {
    const { proposal } = button.dataset;
    const fits = proposal === "changes" ? Object.keys(advice?.changes ?? {}).length > 0 : advice?.press === proposal;
    const held = document.activeElement === button;
    button.hidden = !advice?.label || !fits;
    // the sentence on top and the table name it: a combination is too long for a button
    button.textContent = proposal === "changes" ? "Use the best" : (advice?.label ?? "");
    if (held) keepFocus($("quantize")); // what comes next
  }
}

/**
 * @param {Part & { shown: () => string, select: (view: string) => Promise<void> }} part `shown` tells the view on screen
 */
export function installAdvice({ client, complain, ready, shown, select }) {
  let newest = 0;
  let timer = 0;
  /** The query of the settings that the sentence of the build is about; empty: it has been replaced. */
  let frozen = "";
  /** What is under way. @type {Kind[]} */
  let kinds = [];
  /** The sentence on screen. @type {{ view: string, advice: Advice } | null} */
  let told = null;

  /**
   * @param {string} view
   * @param {Advice} advice
   */
  function tell(view, advice) {
    told = { view, advice };
    showAdvice(view, advice, () => act(advice), kinds);
    if (view === "model") showProposals(underWay(advice.press, kinds) ? null : advice);
  }

  for (const button of proposals())
    button.addEventListener("click", () => {
      if (told) act(told.advice);
    });

  /** @param {Advice} advice */
  async function act({ changes, press, view }) {
    try {
      await ready();
      if (placeOf(view)) await select(view);
      else if (press) pressControl(/** @type {keyof typeof CONTROLS} */ (press));
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
      if (mine === newest) tell(view, result);
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
    showProposals(null);
    timer = setTimeout(ask, place?.hasChildNodes() ? IDLE_MS : 0);
  }

  if (document.documentElement.hasAttribute("data-asked")) {
    placeOf("tensor")?.replaceChildren(); // what the build wrote is about other settings
    document.documentElement.removeAttribute("data-asked");
  }
  addEventListener("playground-state", ({ detail }) => soon(detail));
  addEventListener("playground-view", () => soon(null));
  addEventListener("playground-first-advice", ({ detail }) => {
    frozen = detail.state.query;
    tell("tensor", detail.advice);
  });
  addEventListener("playground-work", ({ detail }) => {
    const { press = "" } = told?.advice ?? {};
    const changed = underWay(press, kinds) !== underWay(press, detail);
    kinds = detail;
    if (told && changed) tell(told.view, told.advice);
  });
}
