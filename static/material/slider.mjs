// Takes the place of Panel Material UI's Slider.jsx in the page's bundle (tools/material.py). There Page Up, and an arrow
// key with Shift, move by ten whatever the range is, and both thumbs of a range have the same name.
// The file becomes part of a module that imports React by that name already.
import FormControl from "@mui/material/FormControl";
import FormLabel from "@mui/material/FormLabel";
import MuiSlider from "@mui/material/Slider";
import { createElement, useLayoutEffect, useMemo, useReducer, useRef } from "react";

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
 * @param {{ value: number | number[], start: number, end: number, step: number, large: number }} shown
 * @param {{ move: (value: number | number[]) => void, rest: (value: number | number[]) => void }} host
 * @returns what listens to keys before the slider does; and what the slider tells of a value that it has chosen itself, which may
 *   not be drawn yet when the next key comes
 */
function useHeldKeys(shown, host) {
  const held = useRef({ timer: 0, steps: 0, thumb: 0, shown, host });
  Object.assign(held.current, { shown, host });
  const note = (/** @type {number | number[]} */ value) => {
    held.current.shown = { ...held.current.shown, value };
  };
  const move = () => {
    const { steps, thumb } = held.current;
    const { value, start, end, step } = held.current.shown;
    const all = Array.isArray(value) ? value : [value];
    const [lowest, highest] = [all[thumb - 1] ?? start, all[thumb + 1] ?? end];
    const to = start + (Math.round((all[thumb] - start) / step) + steps) * step;
    const moved = all.with(thumb, Math.min(highest, Math.max(lowest, to)));
    Object.assign(held.current, { timer: 0, steps: 0 });
    if (moved[thumb] === all[thumb]) return;
    const next = Array.isArray(value) ? moved : moved[0];
    note(next);
    held.current.host.move(next);
  };
  const onKeyDownCapture = (/** @type {any} */ event) => {
    const steps = event.repeat ? stepsOf(event, shown.large) : 0;
    if (!steps) return;
    event.preventDefault();
    event.stopPropagation();
    held.current.thumb = Number(event.target.dataset.index ?? 0);
    held.current.steps += steps;
    held.current.timer ||= window.setTimeout(move); // not the next frame: what follows the slider is drawn in that one
  };
  const onKeyUpCapture = () => {
    if (held.current.timer) move();
    held.current.host.rest(held.current.shown.value);
  };
  return { onKeyDownCapture, onKeyUpCapture, note };
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
 * While a thumb is moved, Material draws it only where it rests.
 * @param {number | number[]} value
 * @returns what Material draws; and whether something is moved, and what has it drawn: to be set and called by the caller
 */
function useRest(value) {
  const [, draw] = useReducer((/** @type {number} */ count) => count + 1, 0);
  const state = useRef({ isMoved: false, rests: false, drawn: value, timer: 0 }).current;
  window.clearTimeout(state.timer);
  const rest = () => {
    state.rests = true;
    draw();
  };
  if (state.isMoved && !state.rests && value !== state.drawn) state.timer = window.setTimeout(rest, REST_MS);
  else state.drawn = value;
  state.rests = false;
  return { state, rest };
}

/** @param {{ model: any }} properties Panel's side of the component */
export function render({ model }) {
  const [disabled] = model.useState("disabled");
  const [label] = model.useState("label");
  const [format] = model.useState("format");
  const [start] = model.useState("start");
  const [end] = model.useState("end");
  const [step] = model.useState("step");
  const [value, setValue] = model.useState("value");
  const [, setReleased] = model.useState("value_throttled");
  const large = Math.max(1, Math.round((LARGE_STEP * (end - start)) / step));
  const { state, rest } = useRest(value);
  const { note, ...keys } = useHeldKeys(
    { value, start, end, step, large },
    {
      move: (moved) => {
        state.isMoved = true;
        setValue(moved);
      },
      rest: (last) => {
        if (!state.isMoved) return;
        state.isMoved = false;
        setReleased(last);
        rest();
      },
    },
  );
  const { drawn } = state;
  const control = useRef(null);
  useLayoutEffect(() => {
    const all = Array.isArray(value) ? value : [value];
    const shares = all.map((one) => (one - start) / (end - start));
    const texts = all.map((one) => written(one, format));
    if (control.current) place(control.current, shares, texts);
  });
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
        onChange: (_, moved) => {
          state.isMoved = true;
          note(moved);
          setValue(moved);
        },
        onChangeCommitted: (_, moved) => {
          // A move back to what is drawn is none to Material, though the value had gone on
          if (state.isMoved) setValue(moved);
          state.isMoved = false;
          setReleased(moved);
        },
      }),
    ];
  }, [drawn, disabled, start, end, step, large, label, format]);
  return createElement(FormControl, { fullWidth: true, disabled, ref: control, ...keys }, slider);
}
