// What the tests of the fast path do in the page. Served beside it, so that no code has to be evaluated from a string.
/**
 * @import { AnyModel, BokehDocument, Component, Control, NamedModels, PlotView, Value, View } from "../../static/types/bokeh"
 * @import { FastPath } from "../../static/fastpath/index.mjs"
 * @import { Settings } from "../../static/types/messages"
 */

/** @typedef {Record<string, Value>} Moves label of a control, or "lo" or "hi" for a handle -> what it is moved to */

const isTensorView = (/** @type {BokehDocument} */ document) => document.get_model_by_name("histogram-bars") !== null;
const doc = () => /** @type {BokehDocument} */ (Bokeh.documents.find(isTensorView));
/** @template {keyof NamedModels} K */
const find = (/** @type {K} */ name) => /** @type {NamedModels[K]} */ (doc().get_model_by_name(name));
const viewOf = (/** @type {{ id: string }} */ { id }) => /** @type {View} */ (Bokeh.index.find_one_by_id(id));
const fastPath = () => /** @type {FastPath} */ (window.playgroundStart.fastPath?.());

/** @typedef {(message: { kind?: string, id?: number }, rest?: Transferable[] | StructuredSerializeOptions) => void} Send */

const ways = [Worker, MessagePort].map(({ prototype }) => ({
  prototype,
  send: /** @type {Send} */ (prototype.postMessage),
}));
/** @type {(() => void)[] | null} */
let held = null;

/** From now on Python gets no request; whatever else is posted (React's own ticks) goes through. */
export function block() {
  held ??= [];
  const waiting = held;
  for (const { prototype, send } of ways) {
    /** @type {Send} */
    prototype.postMessage = function hold(message, rest) {
      const go = () => send.call(this, message, rest);
      // what to try next is asked whenever nothing has moved for a while
      if (message?.kind && message.kind !== "advice" && message.id !== undefined) waiting.push(go);
      else go();
    };
  }
}

/** Python gets all that it missed. */
export function unblock() {
  for (const { prototype, send } of ways) prototype.postMessage = send;
  for (const go of (held ?? []).splice(0)) go();
  held = null;
}

export const missed = () => (held ?? []).length;

export const frames = async (n = 2) => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => requestAnimationFrame(resolve));
};

const models = (/** @type {(model: AnyModel) => boolean} */ wanted) => doc().all_models.values().find(wanted);
const data = (/** @type {string} */ label) =>
  /** @type {Control} */ (models((model) => model.label === label && "value" in model));
const outer = (/** @type {string} */ label) => {
  const control = data(label);
  return /** @type {Component} */ (models((model) => model.data === control));
};

/** An option of a menu by its first words. */
const option = (/** @type {Control} */ { options }, /** @type {Value} */ value) => {
  if (typeof value !== "string" || !options) return value;
  const lists = Array.isArray(options) ? [options] : Object.values(options);
  const texts = lists
    .flat()
    .map((/** @type {string | [string, string]} */ text) => (Array.isArray(text) ? text[1] : text));
  return texts.find((text) => text === value) ?? texts.find((text) => text.startsWith(`${value}:`)) ?? value;
};

const isEnd = (/** @type {string} */ name) => name === "lo" || name === "hi";

/** Moves a control as the visitor would: {label: value}; {lo: value} moves the lower end of the clip slider. */
export function move(/** @type {Moves} */ moves) {
  for (const [name, value] of Object.entries(moves)) {
    const label = isEnd(name) ? "Clip" : name;
    const [lo, hi] = /** @type {[number, number]} */ (data("Clip").value);
    data(label).value =
      name === "lo" ? [Number(value), hi] : name === "hi" ? [lo, Number(value)] : option(data(label), value);
  }
}

/** Resolves when Python has answered all. */
export async function settled() {
  while (fastPath().ahead) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** As plain data, with one zero. @param {unknown} value @returns {unknown} */
function plain(value) {
  if (value === 0) return 0;
  if (ArrayBuffer.isView(value) || Array.isArray(value))
    return Array.from(/** @type {ArrayLike<unknown>} */ (value), plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}
/** @typedef {"histogram-text" | "error-text" | "transfer-text" | "channels-text" | "formula-text" | "tensor-numbers"} Text */
const text = (/** @type {Text} */ name) => /** @type {HTMLElement} */ (viewOf(find(name)).markup_el);
/** @returns {NodeListOf<HTMLElement>} */
const cards = () => text("tensor-numbers").querySelectorAll("[data-card]");

const SOURCES = /** @type {const} */ ([
  "histogram-bars",
  "error-bars",
  "error-before",
  "transfer-line",
  "transfer-before",
  "transfer-diagonal",
  "channel-bars",
  "channel-shown",
  "channel-ranges",
]);
const FIGURES = /** @type {const} */ (["histogram", "error", "transfer", "channels"]);
const SPANS = /** @type {const} */ (["channel-span-lo", "channel-span-hi"]);
const CONTROLS = ["Clip", "Zero-point", "Channel axis", "Bits", "Format", "Range", "One scale for each"];
const TEXTS = /** @type {const} */ (["histogram", "error", "transfer", "channels", "formula"]);

/** Everything that is on screen and depends on the settings, but for the model's own cards. */
export function screen() {
  /** @type {Record<string, unknown>} */
  const seen = {};
  for (const name of SOURCES) {
    for (const [column, values] of Object.entries(find(name).data)) seen[`${name} ${column}`] = plain(values);
  }
  for (const name of FIGURES) {
    const { x_range, y_range } = find(name);
    for (const [axis, { start, end }] of Object.entries({ x_range, y_range })) seen[`${name} ${axis}`] = [start, end];
  }
  for (const name of SPANS) seen[name] = find(name).location;
  seen.spans = [find("channel-span-lo").visible, find("channel-span-hi").visible];
  seen.picture = plain(fastPath().picture);
  for (const label of CONTROLS) {
    const { value, start, end, step } = data(label);
    // The slider that is held has all digits of where it is held, the range is float32.
    seen[label] = [Array.isArray(value) ? value.map(Math.fround) : value, start, end, step, outer(label).visible];
  }
  for (const block of TEXTS) {
    const element = text(`${block}-text`);
    seen[`${block} text`] = element.textContent;
    seen[`${block} flex`] = [...element.querySelectorAll("i")].map((part) => part.style.flexGrow);
  }
  for (const card of cards()) {
    const { card: name = "" } = card.dataset;
    if (["accuracy", "cross-entropy"].includes(name)) continue;
    seen[`card ${name}`] = [card.textContent, card.querySelector(".aside")?.className.trim()];
  }
  return seen;
}

/** What looks as if it were out of date: slots, and cards. */
export function stale() {
  const marked = /** @type {NodeListOf<HTMLElement>} */ (text("tensor-numbers").querySelectorAll(".stale"));
  return {
    slots: [...document.querySelectorAll(".slot.stale")].map((slot) => slot.id),
    cards: [...marked].map((card) => card.dataset.card),
  };
}

/** @type {Settings | null} */
let own = null;

/** What the page took the settings to be after the last step, before Python answered. */
export const settings = () => own;

/** One step with Python deaf, seen before and after it answers. */
export async function step(/** @type {Moves} */ moves) {
  block();
  try {
    move(moves);
    await frames();
    own = fastPath().settings;
    const [before, marked] = [screen(), stale()];
    unblock();
    await settled();
    return { before, marked, after: screen(), unmarked: stale() };
  } finally {
    unblock();
  }
}

/** Several moves, one after the other, with Python deaf to all of them. */
export async function steps(/** @type {Moves[]} */ list) {
  block();
  try {
    for (const moves of list) {
      move(moves);
      await frames();
      await new Promise((resolve) => setTimeout(resolve, 100)); // React has taken the value that was set from outside
    }
    const before = screen();
    unblock();
    await settled();
    return { before, after: screen(), unmarked: stale() };
  } finally {
    unblock();
  }
}

/** Resolves when nothing is under way and the tensor that is shown is at hand. */
export async function idle() {
  await settled();
  const shown = () => playground.state && fastPath().has(playground.state);
  for (let i = 0; i < 400 && !shown(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  await frames();
}

/**
 * Many moves within one frame; how many pictures that made.
 * @param {"lo" | "hi"} name
 * @param {number[]} values
 */
export async function burst(name, values) {
  const before = fastPath().timing.steps;
  for (const value of values) move({ [name]: value });
  await frames();
  return { drawn: fastPath().timing.steps - before, messages: missed(), hi: fastPath().picture?.handles[1] };
}

/** Where a value is in the window, and where handles are: [lo, hi]. */
export function spot(/** @type {number} */ value) {
  const view = /** @type {PlotView} */ (viewOf(find("histogram")));
  const { left, top, height } = view.el.getBoundingClientRect();
  const handles = fastPath().handles.map((x) => left + x);
  return { handles, to: left + view.frame.x_scale.compute(value), y: top + height / 2 };
}

/** The middle of a channel's row in the window, counted from the widest. */
export function rowSpot(/** @type {number} */ row) {
  const view = /** @type {PlotView} */ (viewOf(find("channels")));
  const { left, top, width } = view.el.getBoundingClientRect();
  return { x: left + width / 2, y: top + view.frame.y_scale.compute(-1 - row) };
}

/** The picture that is on screen. */
export const picture = () => plain(fastPath().picture);

/** The note about a bar, or "" if there is none. */
export function note() {
  const element = /** @type {HTMLElement | null} */ (document.querySelector(".bar-note"));
  return element && !element.hidden ? element.textContent : "";
}

/** How wide the histogram's axis is. */
export const axis = () => [find("histogram").x_range.start, find("histogram").x_range.end];

/** The layout shift of some moves, and of Python's answers to them. */
export async function shift(/** @type {Moves[]} */ list) {
  const sum = { drawn: 0, answered: 0 };
  /** @type {keyof typeof sum} */
  let phase = "drawn";
  const observer = new PerformanceObserver((entries) => {
    for (const { value } of /** @type {LayoutShift[]} */ (entries.getEntries())) sum[phase] += value;
  });
  observer.observe({ type: "layout-shift" });
  const rest = () => new Promise((resolve) => setTimeout(resolve, 120));
  for (const moves of list) {
    block();
    phase = "drawn";
    move(moves);
    await frames();
    await rest();
    phase = "answered";
    unblock();
    await settled();
    await rest();
  }
  observer.disconnect();
  return sum;
}

/**
 * For some moves, one after the other, with Python deaf to each: pictures drawn, and requests that it will get.
 * @param {string} name
 * @param {Value[]} values
 */
export async function alone(name, values) {
  /** @type {{ drawn: number, requests: number }[]} */
  const counts = [];
  for (const value of values) {
    const before = fastPath().timing.steps;
    block();
    try {
      move({ [name]: value });
      await frames();
      counts.push({ drawn: fastPath().timing.steps - before, requests: missed() });
    } finally {
      unblock();
    }
    await settled();
  }
  return counts;
}
