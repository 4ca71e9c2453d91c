// Plots take their colours from the page's style sheet: a Bokeh model with the tag "css:line_color=quant" has its
// line_color set to the value of --quant, now and whenever the theme changes.

/** @import { BokehDocument } from "./types/bokeh" */

const PREFIX = "css:";

const FORCED = matchMedia("(forced-colors: active)");

/**
 * A colour of the style sheet. Where the system chooses the colours they have names that plots do not know: there an
 * element that wears it tells which one it is.
 * @param {string} name
 */
function colour(name) {
  const stated = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  if (!FORCED.matches) return stated;
  const worn = document.createElement("span");
  worn.style.cssText = `color: ${stated}; forced-color-adjust: none`;
  document.body.append(worn);
  const { color } = getComputedStyle(worn);
  worn.remove();
  return color;
}

/** @param {() => void} changed called when the system begins or ends to choose the colours */
export const onForcedColours = (changed) => FORCED.addEventListener("change", changed);

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
