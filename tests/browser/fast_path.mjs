// What the tests of the fast path do in the page. Served beside it, so that no code has to be evaluated from a string.
const doc = () => Bokeh.documents.find((document) => document.get_model_by_name("histogram-bars"));
const find = (name) => doc().get_model_by_name(name);
const send = Worker.prototype.postMessage;
let held = null;

/** From now on Python hears nothing. */
export function block() {
  held ??= [];
  Worker.prototype.postMessage = function hold(...message) { held.push([this, message]); };
}

/** Python hears all that it missed. */
export function unblock() {
  Worker.prototype.postMessage = send;
  for (const [worker, message] of (held ?? []).splice(0)) worker.postMessage(...message);
  held = null;
}

export const missed = () => (held ?? []).length;

export const frames = async (n = 2) => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => requestAnimationFrame(resolve));
};

const data = (label) => doc().all_models.values().find((model) => model.label === label && "value" in model);
const outer = (label) => doc().all_models.values().find((model) => model.data === data(label));

/** Moves a control as the visitor would: {label: value}, or {"grip-lo": location}. */
export function move(moves) {
  for (const [name, value] of Object.entries(moves)) {
    if (name.startsWith("grip-")) find(name).location = value;
    else data(name).value = value;
  }
}

/** Resolves when Python has answered all. */
export async function settled() {
  const { currentFastPath } = await import("/fastpath/page.mjs");
  while (currentFastPath().ahead) await new Promise((resolve) => setTimeout(resolve, 5));
}

const plain = (values) => Array.from(values, (value) => (typeof value === "number" && Object.is(value, -0) ? 0 : value));
const text = (block) => {
  const model = find(`${block}-text`) ?? find(`tensor-${block}`);
  return Bokeh.index.find_one_by_id(model.id).markup_el;
};

/** Everything that is on screen and depends on the settings, but for the model's own cards. */
export function screen() {
  const seen = {};
  for (const name of ["histogram-bars", "histogram-lines", "histogram-levels", "handles", "error-bars", "transfer-line",
    "transfer-diagonal", "channel-bars", "channel-ranges"]) {
    for (const [column, values] of Object.entries(find(name).data)) seen[`${name} ${column}`] = plain(values);
  }
  for (const name of ["histogram", "error", "transfer", "channels"]) {
    for (const axis of ["x_range", "y_range"]) seen[`${name} ${axis}`] = [find(name)[axis].start, find(name)[axis].end];
  }
  for (const name of ["grip-lo", "grip-hi", "channel-span-lo", "channel-span-hi"]) seen[name] = find(name).location;
  seen.spans = [find("channel-span-lo").visible, find("channel-span-hi").visible];
  seen.outside = [find("outside-low").right, find("outside-high").left];
  for (const label of ["Clip", "Zero-point", "Channel axis", "Bits", "Format", "Range", "One scale for each"]) {
    const { value, start, end, step } = data(label);
    seen[label] = [value, start, end, step, outer(label).visible];
  }
  for (const block of ["histogram", "error", "transfer", "channels", "formula"]) {
    seen[`${block} text`] = text(block).textContent;
    seen[`${block} flex`] = [...text(block).querySelectorAll("i")].map((part) => part.style.flexGrow);
  }
  for (const card of text("numbers").querySelectorAll("[data-card]")) {
    if (["accuracy", "cross-entropy"].includes(card.dataset.card)) continue;
    seen[`card ${card.dataset.card}`] = [card.textContent, card.querySelector(".aside").className.trim()];
  }
  return seen;
}

/** What looks as if it were out of date: slots, and cards. */
export function stale() {
  return {
    slots: [...document.querySelectorAll(".slot.stale")].map((slot) => slot.id),
    cards: [...text("numbers").querySelectorAll(".stale")].map((card) => card.dataset.card),
  };
}

/** One step with Python deaf, seen before and after it answers. */
export async function step(moves) {
  block();
  try {
    move(moves);
    await frames();
    const [before, marked] = [screen(), stale()];
    unblock();
    await settled();
    return { before, marked, after: screen(), unmarked: stale() };
  } finally {
    unblock();
  }
}
