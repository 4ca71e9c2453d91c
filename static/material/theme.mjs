// The house theme of the Material components: neutral, one accent, system font. Colours as in styles/tokens.css.

/** @typedef {{ accent: string, onAccent: string, text: string, muted: string, line: string, card: string }} Colours */

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
/** Pixels: of the small components' text as Material has it at 13, and of a label in its frame, which it would make 9. */
const [SMALL, LABEL] = [12.25, 12];
/** The same as SMALL, for what grows with the page's text, which is 14 pixels high on most screens. */
const GROWING = `${SMALL / 14}rem`;

/** @type {Record<"light" | "dark", Colours>} */
const COLOURS = {
  light: {
    accent: "#0072b2",
    onAccent: "#ffffff",
    text: "#1b1f24",
    muted: "#5d6672",
    line: "#e4e7eb",
    card: "#ffffff",
  },
  dark: { accent: "#56b4e9", onAccent: "#0b1016", text: "#f0f3f6", muted: "#9aa4b0", line: "#262c35", card: "#161b22" },
};

/** @param {Colours} colours */
function paletteOf({ accent, onAccent, text, muted, line, card }) {
  return {
    primary: { main: accent, contrastText: onAccent },
    text: { primary: text, secondary: muted },
    divider: line,
    background: { default: card, paper: card },
  };
}

// A style sheet of the page can make them narrower and lower, by variables: styles/embed.css does.
const [TOUCHED, FORCED] = ["@media (pointer: coarse)", "@media (forced-colors: active)"];
const SLIDER = { padding: "var(--slider-room, 13px) 0", [TOUCHED]: { padding: "var(--slider-room, 20px) 0" } };
const MARK = { fontSize: "var(--mark-size, 13px)", lineHeight: "var(--mark-line, normal)" };

/** @param {Colours} colours */
const menuOf = ({ muted }) => ({
  MuiSelect: {
    styleOverrides: {
      select: { "&&&": { paddingLeft: "var(--menu-start, 14px)", paddingRight: "var(--menu-end, 32px)" } },
      icon: { right: "var(--menu-icon, 7px)", color: muted, [FORCED]: { color: "CanvasText" } },
    },
  },
  // Material's own rules for these have up to four classes.
  MuiAutocomplete: {
    styleOverrides: {
      inputRoot: { paddingLeft: "var(--menu-edge, 6px) !important", paddingRight: "var(--menu-end, 39px) !important" },
      endAdornment: { right: "var(--menu-icon, 9px) !important" },
      popupIndicator: { color: muted },
    },
  },
});

/** @param {Colours} colours */
function componentsOf(colours) {
  const { accent, onAccent, muted, line } = colours;
  const label = {
    transform: `translate(14px, -8px) scale(${LABEL / SMALL})`,
    maxWidth: `calc(${SMALL / LABEL} * 100% - 32px)`,
  };
  const chosen = { backgroundColor: accent, color: onAccent, fontWeight: 650 };
  const text = { textTransform: "none", padding: "5px var(--toggle-edge, 4px)", fontSize: GROWING, lineHeight: 1.4 };
  const toggle = { ...text, borderColor: line, color: muted, "&.Mui-selected, &.Mui-selected:hover": chosen };
  const focused = { outline: `2px solid ${accent}`, outlineOffset: 1, zIndex: 1 };
  return {
    MuiOutlinedInput: { styleOverrides: { notchedOutline: { borderColor: line, "& legend": { fontSize: LABEL } } } },
    MuiInputLabel: { styleOverrides: { root: { "&.MuiInputLabel-shrink": label } } },
    MuiToggleButton: { styleOverrides: { root: toggle } },
    MuiMenu: { styleOverrides: { paper: { maxWidth: "min(440px, calc(100vw - 32px))" } } },
    MuiMenuItem: { styleOverrides: { root: { whiteSpace: "normal" } } },
    MuiFormControlLabel: {
      styleOverrides: { root: { "&&": { marginRight: "var(--mark-end, 8px)" } }, label: { "&&&": MARK } },
    },
    MuiSlider: { styleOverrides: { root: SLIDER, valueLabel: { fontSize: SMALL } } },
    ...menuOf(colours),
    MuiTooltip: { styleOverrides: { tooltip: { fontSize: SMALL } } },
    // Without ripples, which are what would show where the keyboard is.
    MuiButtonBase: {
      defaultProps: { disableRipple: true },
      styleOverrides: { root: { "&.Mui-focusVisible": focused } },
    },
  };
}

/**
 * What Material is told of the theme.
 * @param {boolean} dark
 */
export function houseTheme(dark) {
  const colours = COLOURS[dark ? "dark" : "light"];
  return {
    palette: paletteOf(colours),
    typography: { fontFamily: FONT, fontSize: 13 },
    shape: { borderRadius: 8 },
    components: componentsOf(colours),
  };
}
