// Takes the place of Panel Material UI's utils.js in the page's bundle (tools/material.py): the same but for the
// theme. There each component keeps a theme of its own in its state and renders twice for it; here the page's <html>
// says whether it is dark, all components share what is costly, and each renders once.
import * as React from "react";
import { createTheme } from "@mui/material/styles";
import { overlay_container, render_theme_config } from "./panel_utils";
import { houseTheme } from "./theme.mjs";

export * from "./panel_utils"; // what is exported below by the same name takes precedence

/**
 * @import { Theme } from "@mui/material/styles"
 */

/** @typedef {{ container: HTMLElement }} View a component's */

const root = document.documentElement;
const isDark = () => root.dataset.theme === "dark";

/** @param {() => void} changed */
function onChange(changed) {
  const observer = new MutationObserver(changed);
  observer.observe(root, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}

const NOWHERE = { view: { container: null } };
/** With "reduce motion" chosen in the system nothing slides, grows or fades. */
const STILL = { motion: { reducedMotion: /** @type {const} */ ("system") } };
/** Where the system chooses the colours, what is told by a background alone elsewhere has to be told by a system colour. */
const FORCED = "@media (forced-colors: active)";
const CHOSEN = { backgroundColor: "Highlight", color: "HighlightText", forcedColorAdjust: "none" };
const SEEN = { border: "1px solid CanvasText", opacity: 1 };
const OPTION = { root: { [FORCED]: { "&.Mui-selected, &.Mui-focusVisible": CHOSEN } } };
const IN_FORCED_COLOURS = {
  MuiToggleButton: { styleOverrides: { root: { [FORCED]: { "&.Mui-selected, &.Mui-selected:hover": CHOSEN } } } },
  MuiMenuItem: { styleOverrides: OPTION },
  MuiAutocomplete: { styleOverrides: { option: { [FORCED]: { '&[aria-selected="true"], &.Mui-focused': CHOSEN } } } },
  MuiSlider: {
    styleOverrides: {
      rail: { [FORCED]: { ...SEEN, backgroundColor: "Canvas" } },
      track: { [FORCED]: { ...SEEN, backgroundColor: "Highlight", forcedColorAdjust: "none" } },
      thumb: { [FORCED]: { ...SEEN, backgroundColor: "ButtonText", forcedColorAdjust: "none" } },
    },
  },
};
/** @type {Map<boolean, Theme>} */
const shared = new Map();
/** @param {boolean} dark */
function sharedTheme(dark) {
  const known = shared.get(dark);
  if (known) return known;
  const config = render_theme_config(NOWHERE, houseTheme(dark), dark);
  const theme = createTheme(config, STILL, { components: IN_FORCED_COLOURS });
  shared.set(dark, theme);
  return theme;
}

// What opens above the component, within its shadow root.
const IN_A_LAYER = /** @type {const} */ (["MuiPopover", "MuiPopper", "MuiModal"]);

/**
 * @param {View} view
 * @param {boolean} dark
 */
function themeOf(view, dark) {
  const theme = sharedTheme(dark);
  const container = overlay_container(view.container);
  const components = theme.components ?? {};
  const layered = IN_A_LAYER.map((name) => {
    const part = components[name];
    return [name, { ...part, defaultProps: { ...part?.defaultProps, container } }];
  });
  return { ...theme, components: { ...components, ...Object.fromEntries(layered) } };
}

/**
 * The theme in which a component is rendered.
 * @param {{ view: View }} props
 */
export function install_theme_hooks({ view }) {
  const dark = React.useSyncExternalStore(onChange, isDark);
  view.container.classList.toggle("mui-dark", dark);
  view.container.classList.toggle("mui-light", !dark);
  return React.useMemo(() => themeOf(view, dark), [view, dark]);
}
