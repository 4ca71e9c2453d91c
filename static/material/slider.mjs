// Takes the place of Panel Material UI's Slider.jsx in the page's bundle (tools/material.py). There Page Up, and an arrow
// key with Shift, move by ten whatever the range is, and both thumbs of a range have the same name.
// The file becomes part of a module that imports React by that name already.
import FormControl from "@mui/material/FormControl";
import FormLabel from "@mui/material/FormLabel";
import MuiSlider from "@mui/material/Slider";
import { createElement, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

/** Of the range: how far Page Up and an arrow key with Shift go. */
const LARGE_STEP = 0.1;
const ARROWS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
const REST_MS = 50; // without a move: three frames
const PAGES = { PageDown: -1, PageUp: 1 };
// The thumbs at the ends stay within the column; and they go where they are at once: Material moves them there in 150 ms,
// which is a layout of the page in every frame of them while a key is held.
const THUMB = {
  width: "calc(100% - 12px)",
  mx: "6px",
  "& .MuiSlider-thumb, & .MuiSlider-track, & .MuiSlider-valueLabel": { transition: "none" },
};

/** Each thumb says its name itself. @type {object} */
const TITLE = { component: "span" };

/** @typedef {{ doFormat(values: number[]): string[] }} Formatter */

/**
 * A number as the control writes it.
 * @param {number} value
 * @param {string | Formatter | null | undefined} format as Bokeh writes numbers
 */
function written(value, format) {
  if (!format) return String(value);
  const { NumeralTickFormatter } = Bokeh.require("models/formatters");
  const formatter = typeof format === "string" ? new NumeralTickFormatter({ format }) : format;
  return formatter.doFormat([value])[0];
}

/**
 * How far a key moves a thumb, in steps; 0 for any other key.
 * @param {{ key: string, shiftKey: boolean }} event
 * @param {number} large how many steps a large one is
 */
function stepsOf({ key, shiftKey }, large) {
  const arrow = ARROWS[/** @type {keyof typeof ARROWS} */ (key)] ?? 0;
  return arrow * (shiftKey ? large : 1) + (PAGES[/** @type {keyof typeof PAGES} */ (key)] ?? 0) * large;
}

/**
 * A key that is held down repeats faster than the slider can be drawn, and each repetition would be drawn: a queue of
 * seconds. So they are counted, and the thumb moves by as many steps as came since it last did. The first press, and all
 * other keys, are the slider's own.
 * @param {{ value: number | number[], start: number, end: number, step: number }} data the slider's model
 * @param {number} large how many steps a large one is
 * @param {{ move: (value: number | number[]) => void, rest: () => void }} host
 * @returns what listens to keys before the slider does
 */
function useHeldKeys(data, large, { move, rest }) {
  const { current: held } = useRef({ timer: 0, steps: 0, thumb: 0 });
  const go = () => {
    const { steps, thumb, timer } = held;
    window.clearTimeout(timer);
    Object.assign(held, { timer: 0, steps: 0 });
    const { value, start, end, step } = data;
    const all = Array.isArray(value) ? value : [value];
    const [lowest, highest] = [all[thumb - 1] ?? start, all[thumb + 1] ?? end];
    const to = start + (Math.round((all[thumb] - start) / step) + steps) * step;
    const moved = all.with(thumb, Math.min(highest, Math.max(lowest, to)));
    if (moved[thumb] !== all[thumb]) move(Array.isArray(value) ? moved : moved[0]);
  };
  const onKeyDownCapture = (/** @type {any} */ event) => {
    const steps = event.repeat ? stepsOf(event, large) : 0;
    if (!steps) return;
    event.preventDefault();
    event.stopPropagation();
    held.thumb = Number(event.target.dataset.index ?? 0);
    held.steps += steps;
    held.timer ||= window.setTimeout(go); // not the next frame: what follows the slider is drawn in that one
  };
  const onKeyUpCapture = () => {
    if (held.timer) go();
    rest();
  };
  return { onKeyDownCapture, onKeyUpCapture };
}

/**
 * @param {Element | null} element
 * @param {string} text
 */
function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/**
 * Puts the thumbs where React and Material would: they take longer for it than all else that follows a thumb.
 * @param {HTMLElement} control
 * @param {number[]} shares of the range, a thumb
 * @param {string[]} texts
 */
function place(control, shares, texts) {
  const percent = shares.map((share) => `${100 * share}%`);
  control.querySelectorAll(".MuiSlider-thumb").forEach((thumb, i) => {
    /** @type {HTMLElement} */ (thumb).style.left = percent[i];
    write(thumb.querySelector(".MuiSlider-valueLabelLabel"), texts[i]);
  });
  const [first, last] = shares.length > 1 ? [shares[0], shares[shares.length - 1]] : [0, shares[0]];
  const { style } = /** @type {HTMLElement} */ (control.querySelector(".MuiSlider-track"));
  Object.assign(style, { left: `${100 * first}%`, width: `${100 * (last - first)}%` });
  write(control.querySelector("strong"), texts.join(" to "));
}

/**
 * A property of the model as it is. (Panel's own hook writes what React has drawn back into the model, a frame later: what
 * has been changed meanwhile is lost.)
 * @param {any} model Panel's side of the component
 * @param {string} name
 */
function useProperty(model, name) {
  const [value, draw] = useState(model.data[name]);
  useEffect(() => {
    const changed = () => draw(model.data[name]);
    model.on(name, changed, true);
    return () => model.off(name, changed);
  }, []);
  return value;
}

/**
 * The slider's value. It is the model's alone: from React it would get there after the frame in which React has drawn it, two
 * frames a move. While a thumb is moved, Material draws it only where it rests.
 * @param {any} model Panel's side of the component
 * @param {() => void} follow what puts the thumbs where the value is
 * @returns what Material draws; what a moved thumb calls with its new value; and what is called when it is let go
 */
function useValue(model, follow) {
  const { data } = model;
  const [drawn, draw] = useState(data.value);
  const { current: state } = useRef({ isMoved: false, timer: 0, follow });
  state.follow = follow;
  useEffect(() => {
    const changed = () => {
      state.follow();
      window.clearTimeout(state.timer);
      if (state.isMoved) state.timer = window.setTimeout(() => draw(data.value), REST_MS);
      else draw(data.value);
    };
    model.on("value", changed, true);
    return () => model.off("value", changed);
  }, []);
  const move = (/** @type {number | number[]} */ value) => {
    state.isMoved = true;
    data.value = value;
  };
  const rest = (/** @type {number | number[]} */ last = data.value) => {
    if (!state.isMoved) return;
    state.isMoved = false;
    data.value = data.value_throttled = last;
    draw(last);
  };
  return { drawn, move, rest };
}

/** @param {{ model: any }} properties Panel's side of the component */
export function render({ model }) {
  const { data } = model;
  const disabled = useProperty(model, "disabled");
  const label = useProperty(model, "label");
  const format = useProperty(model, "format");
  const start = useProperty(model, "start");
  const end = useProperty(model, "end");
  const step = useProperty(model, "step");
  const large = Math.max(1, Math.round((LARGE_STEP * (end - start)) / step));
  const control = useRef(null);
  const follow = () => {
    /** @type {number[]} */
    const all = Array.isArray(data.value) ? data.value : [data.value];
    const shares = all.map((one) => (one - start) / (end - start));
    const texts = all.map((one) => written(one, format));
    if (control.current) place(control.current, shares, texts);
  };
  const { drawn, move, rest } = useValue(model, follow);
  const keys = useHeldKeys(data, large, { move, rest });
  useLayoutEffect(follow);
  const slider = useMemo(() => {
    const ends = Array.isArray(drawn) ? [`${label}, lower end`, `${label}, upper end`] : [label];
    const text = (Array.isArray(drawn) ? drawn : [drawn]).map((one) => written(one, format)).join(" to ");
    return [
      createElement(FormLabel, { ...TITLE, key: "label" }, `${label}: `, createElement("strong", null, text)),
      createElement(MuiSlider, {
        key: "slider",
        disabled,
        size: "small",
        min: start,
        max: end,
        step,
        shiftStep: large * step,
        value: drawn,
        sx: THUMB,
        getAriaLabel: (i) => ends[i],
        getAriaValueText: (one) => written(one, format),
        valueLabelDisplay: "auto",
        valueLabelFormat: (one) => written(one, format),
        onChange: (_, moved) => move(moved),
        onChangeCommitted: (_, moved) => rest(moved), // a move back to what is drawn was none to Material
      }),
    ];
  }, [drawn, disabled, start, end, step, large, label, format]);
  return createElement(FormControl, { fullWidth: true, disabled, ref: control, ...keys }, slider);
}
