// What the tests of the fast path do in the page. Served beside it, so that no code has to be evaluated from a string.
const doc = () => Bokeh.documents.find((document) => document.get_model_by_name("histogram-bars"));
const find = (name) => doc().get_model_by_name(name);
const ways = [Worker, MessagePort].map(({ prototype }) => ({ prototype, send: prototype.postMessage }));
let held = null;

/** From now on Python gets no request; whatever else is posted (React's own ticks) goes through. */
export function block() {
  held ??= [];
  for (const { prototype, send } of ways) {
    prototype.postMessage = function hold(message, ...rest) {
      if (message?.kind && message.id !== undefined) held.push([this, send, [message, ...rest]]);
      else send.call(this, message, ...rest);
    };
  }
}

/** Python gets all that it missed. */
export function unblock() {
  for (const { prototype, send } of ways) prototype.postMessage = send;
  for (const [port, send, message] of (held ?? []).splice(0)) send.apply(port, message);
  held = null;
}

export const missed = () => (held ?? []).length;

export const frames = async (n = 2) => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => requestAnimationFrame(resolve));
};

const data = (label) =>
  doc()
    .all_models.values()
    .find((model) => model.label === label && "value" in model);
const outer = (label) =>
  doc()
    .all_models.values()
    .find((model) => model.data === data(label));

/** What has the focus when a slider is taken hold of. */
const slider = (label) => {
  const within = (node) =>
    node.querySelector?.("input[type=range]") ??
    [...(node.shadowRoot?.children ?? []), ...(node.children ?? [])].map(within).find((found) => found);
  return within(Bokeh.index.find_one_by_id(outer(label).id).el);
};

/** Moves a control as the visitor would: {label: value}, or {"grip-lo": location}. */
export function move(moves) {
  for (const [name, value] of Object.entries(moves)) {
    if (name.startsWith("grip-")) find(name).location = value;
    else {
      slider(name)?.focus();
      data(name).value = value;
    }
  }
}

/** A control's model changes without anyone at the control. */
export async function echo(label, value) {
  data(label).value = value;
  await frames(3);
}

/** Resolves when Python has answered all. */
export async function settled() {
  const currentFastPath = window.playgroundStart.fastPath;
  while (currentFastPath().ahead) await new Promise((resolve) => setTimeout(resolve, 5));
}

const plain = (values) =>
  Array.from(values, (value) => (typeof value === "number" && Object.is(value, -0) ? 0 : value));
const text = (block) => {
  const model = find(`${block}-text`) ?? find(`tensor-${block}`);
  return Bokeh.index.find_one_by_id(model.id).markup_el;
};

/** Everything that is on screen and depends on the settings, but for the model's own cards. */
export function screen() {
  const seen = {};
  for (const name of [
    "histogram-bars",
    "histogram-lines",
    "histogram-levels",
    "handles",
    "error-bars",
    "transfer-line",
    "transfer-diagonal",
    "channel-bars",
    "channel-ranges",
  ]) {
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
    // The slider that is held has all digits of where it is held, the range is float32.
    seen[label] = [Array.isArray(value) ? value.map(Math.fround) : value, start, end, step, outer(label).visible];
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

let own = null;

/** What the page took the settings to be after the last step, before Python answered. */
export const settings = () => own;

/** One step with Python deaf, seen before and after it answers. */
export async function step(moves) {
  const currentFastPath = window.playgroundStart.fastPath;
  block();
  try {
    move(moves);
    await frames();
    own = currentFastPath().settings;
    const [before, marked] = [screen(), stale()];
    unblock();
    await settled();
    return { before, marked, after: screen(), unmarked: stale() };
  } finally {
    unblock();
  }
}

/** Several moves, one after the other, with Python deaf to all of them. */
export async function steps(list) {
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
  const currentFastPath = window.playgroundStart.fastPath;
  await settled();
  for (let i = 0; i < 400 && !currentFastPath().has(playground.state); i++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await frames();
}

/** Many moves within one frame; how many pictures that made. */
export async function burst(name, values) {
  const currentFastPath = window.playgroundStart.fastPath;
  const before = currentFastPath().timing.steps;
  for (const value of values) move({ [name]: value });
  await frames();
  return { drawn: currentFastPath().timing.steps - before, messages: missed(), location: find(name).location };
}

/** Where a handle is on the canvas, and where a value is. */
export function spot(name, value) {
  const at = (x) => Bokeh.index.find_one_by_id(find("histogram").id).frame.x_scale.compute(x);
  return { from: at(find(name).location), to: at(value) };
}

/** The layout shift of some moves, and of Python's answers to them. */
export async function shift(list) {
  const sum = { drawn: 0, answered: 0 };
  let phase = "drawn";
  const observer = new PerformanceObserver((entries) => {
    for (const entry of entries.getEntries()) sum[phase] += entry.value;
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
export async function written(values) {
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

/** For some moves, one after the other, with Python deaf to each: pictures drawn, and requests that it will get. */
export async function alone(name, values) {
  const currentFastPath = window.playgroundStart.fastPath;
  const counts = [];
  for (const value of values) {
    const before = currentFastPath().timing.steps;
    block();
    try {
      move({ [name]: value });
      await frames();
      counts.push({ drawn: currentFastPath().timing.steps - before, requests: missed() });
    } finally {
      unblock();
    }
    await settled();
  }
  return counts;
}
