// Takes the place of Panel Material UI's utils.js in the page's bundle (tools/material.py): the same but for the
// theme. There each component keeps a theme of its own in its state and renders twice for it; here the page's <html>
// says whether it is dark, all components share what is costly, and each renders once.
import * as React from "react";
import { createTheme } from "@mui/material/styles";
import { overlay_container, render_theme_config } from "./panel_utils";

export * from "./panel_utils"; // what is exported below by the same name takes precedence

const root = document.documentElement;
const isDark = () => root.dataset.theme === "dark";

function onChange(changed) {
  const observer = new MutationObserver(changed);
  observer.observe(root, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}

const NOWHERE = { view: { container: null } };
const shared = new Map();
function sharedTheme(config, dark) {
  const key = JSON.stringify([config, dark]);
  if (!shared.has(key)) shared.set(key, createTheme(render_theme_config(NOWHERE, config, dark)));
  return shared.get(key);
}

const IN_A_LAYER = ["MuiPopover", "MuiPopper", "MuiModal"]; // what opens above the component, within its shadow root
function themeOf(view, dark) {
  const given = view.model.data.theme_config ?? {};
  const theme = sharedTheme(given[dark ? "dark" : "light"] ?? given, dark);
  const container = overlay_container(view.container);
  const components = { ...theme.components };
  for (const name of IN_A_LAYER) {
    const { defaultProps, ...rest } = components[name] ?? {};
    components[name] = { ...rest, defaultProps: { ...defaultProps, container } };
  }
  return { ...theme, components };
}

/** The theme in which a component is rendered. */
export function install_theme_hooks({ view }) {
  const dark = React.useSyncExternalStore(onChange, isDark);
  view.container.classList.toggle("mui-dark", dark);
  view.container.classList.toggle("mui-light", !dark);
  return React.useMemo(() => themeOf(view, dark), [view, dark]);
}
