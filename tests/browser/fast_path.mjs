// What the tests of the fast path do in the page. Served beside it, so that no code has to be evaluated from a string.
/**
 * @import { AnyModel, BokehDocument, Component, Control, NamedModels, Value, View } from "../../static/types/bokeh"
 * @import { FastPath } from "../../static/fastpath/index.mjs"
 * @import { Settings } from "../../static/types/messages"
 */

/** @typedef {Record<string, Value>} Moves label of a control, or "grip-lo" and the like -> what it is moved to */

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
      if (message?.kind && message.id !== undefined) waiting.push(go);
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

/** What has the focus when a slider is taken hold of. */
const slider = (/** @type {string} */ label) => {
  /**
   * @param {Element} node
   * @returns {HTMLElement | null | undefined}
   */
  const within = (node) =>
    node.querySelector("input[type=range]") ??
    [...(node.shadowRoot?.children ?? []), ...node.children].map(within).find((found) => found);
  return within(viewOf(outer(label)).el);
};

const isGrip = (/** @type {string} */ name) => name === "grip-lo" || name === "grip-hi";

/** Moves a control as the visitor would: {label: value}, or {"grip-lo": location}. */
export function move(/** @type {Moves} */ moves) {
  for (const [name, value] of Object.entries(moves)) {
    if (isGrip(name)) find(name).location = Number(value);
    else {
      slider(name)?.focus();
      data(name).value = value;
    }
  }
}

/** A control's model changes without anyone at the control. */
export async function echo(/** @type {string} */ label, /** @type {Value} */ value) {
  data(label).value = value;
  await frames(3);
}

/** Resolves when Python has answered all. */
export async function settled() {
  while (fastPath().ahead) await new Promise((resolve) => setTimeout(resolve, 5));
}

const plain = (/** @type {ArrayLike<unknown>} */ values) =>
  Array.from(values, (value) => (typeof value === "number" && Object.is(value, -0) ? 0 : value));
/** @typedef {"histogram-text" | "error-text" | "transfer-text" | "channels-text" | "formula-text" | "tensor-numbers"} Text */
const text = (/** @type {Text} */ name) => /** @type {HTMLElement} */ (viewOf(find(name)).markup_el);
/** @returns {NodeListOf<HTMLElement>} */
const cards = () => text("tensor-numbers").querySelectorAll("[data-card]");

const SOURCES = /** @type {const} */ ([
  "histogram-bars",
  "histogram-lines",
  "histogram-levels",
  "handles",
  "error-bars",
  "transfer-line",
  "transfer-diagonal",
  "channel-bars",
  "channel-ranges",
]);
const FIGURES = /** @type {const} */ (["histogram", "error", "transfer", "channels"]);
const SPANS = /** @type {const} */ (["grip-lo", "grip-hi", "channel-span-lo", "channel-span-hi"]);
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
  seen.outside = [find("outside-low").right, find("outside-high").left];
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
 * @param {"grip-lo" | "grip-hi"} name
 * @param {number[]} values
 */
export async function burst(name, values) {
  const before = fastPath().timing.steps;
  for (const value of values) move({ [name]: value });
  await frames();
  return { drawn: fastPath().timing.steps - before, messages: missed(), location: find(name).location };
}

/**
 * Where a handle is on the canvas, and where a value is.
 * @param {"grip-lo" | "grip-hi"} name
 * @param {number} value
 */
export function spot(name, value) {
  const at = (/** @type {number} */ x) => viewOf(find("histogram")).frame.x_scale.compute(x);
  return { from: at(find(name).location), to: at(value) };
}

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

/** Numbers as the fast path writes them. */
export async function written(/** @type {number[]} */ values) {
  /** @type {typeof import("../../static/fastpath/numbers.mjs")} */
  // @ts-expect-error: an address of the server that the tests have, not a path
  const n = await import("/fastpath/numbers.mjs");
  return {
    digits: values.map((value) => n.digits(value)),
    two: values.map((value) => n.digits(value, 2)),
    size: values.map((value) => n.size(Math.abs(value))),
    percent: values.filter((value) => value >= 0 && value <= 1).map(n.percent),
    fixed: values.filter((value) => Math.abs(value) < 1e20).map((value) => n.fixed(value, 0)),
    four: values.filter((value) => Math.abs(value) < 1e15).map((value) => n.fixed(value, 4)),
    nine: values.map(n.nineDigits),
    grouped: values.filter((value) => Math.abs(value) < 1e15).map((value) => n.grouped(Math.trunc(Math.abs(value)))),
  };
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
