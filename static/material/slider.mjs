// Takes the place of Panel Material UI's Slider.jsx in the page's bundle (tools/material.py). There Page Up, and an arrow
// key with Shift, move by ten whatever the range is, and both thumbs of a range have the same name.
// The file becomes part of a module that imports React by that name already.
import FormControl from "@mui/material/FormControl";
import FormLabel from "@mui/material/FormLabel";
import MuiSlider from "@mui/material/Slider";
import { createElement } from "react";

/** Of the range: how far Page Up and an arrow key with Shift go. */
const LARGE_STEP = 0.1;
const THUMB = { width: "calc(100% - 12px)", mx: "6px" }; // the thumbs at the ends stay within the column

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
  const ends = Array.isArray(value) ? [`${label}, lower end`, `${label}, upper end`] : [label];
  const text = (Array.isArray(value) ? value : [value]).map((one) => written(one, format)).join(" to ");
  return createElement(
    FormControl,
    { fullWidth: true, disabled },
    createElement(FormLabel, TITLE, `${label}: `, createElement("strong", null, text)),
    createElement(MuiSlider, {
      disabled,
      size: "small",
      min: start,
      max: end,
      step,
      shiftStep: Math.max(step, Math.round((LARGE_STEP * (end - start)) / step) * step),
      value,
      sx: THUMB,
      getAriaLabel: (i) => ends[i],
      getAriaValueText: (one) => written(one, format),
      valueLabelDisplay: "auto",
      valueLabelFormat: (one) => written(one, format),
      onChange: (_, moved) => setValue(moved),
      onChangeCommitted: (_, moved) => setReleased(moved),
    }),
  );
}
