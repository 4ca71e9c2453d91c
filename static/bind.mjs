// Plots take their colours from the page's style sheet: a Bokeh model with the tag "css:line_color=quant" has its
// line_color set to the value of --quant, now and whenever the theme changes.

/** @import { BokehDocument } from "./types/bokeh" */

const PREFIX = "css:";

/** @param {string} name */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** @param {BokehDocument} doc */
export function paint(doc) {
  for (const model of doc.all_models) {
    const present = /** @type {Record<string, { value?: unknown } | undefined>} */ (/** @type {unknown} */ (model));
    /** @type {Record<string, unknown>} */
    const changes = {};
    for (const tag of model.tags ?? []) {
      if (typeof tag !== "string" || !tag.startsWith(PREFIX)) continue;
      const [property, name] = tag.slice(PREFIX.length).split("=");
      const value = name === "font" ? getComputedStyle(document.body).fontFamily : colour(name);
      changes[property] = property in model.properties && present[property]?.value !== undefined ? { value } : value;
    }
    if (Object.keys(changes).length) model.setv(changes);
  }
}

/** @param {"dark" | "light"} theme */
export function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    /* a sandboxed frame has no storage; the theme still changes */
  }
}

export const currentTheme = () => document.documentElement.dataset.theme;
