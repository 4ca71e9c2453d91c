// Takes the place of Panel Material UI's Select.jsx in the page's bundle (tools/material.py). That one opens by the mouse
// only, and puts its search field, as a menu item, among the options of the list. Here a plain list is Material's own
// Select, which opens by key, and a searchable one is its Autocomplete, whose search field is the control itself.
// The file becomes part of a module that imports React by that name already.
import Autocomplete from "@mui/material/Autocomplete";
import FormControl from "@mui/material/FormControl";
import InputLabel from "@mui/material/InputLabel";
import ListSubheader from "@mui/material/ListSubheader";
import MenuItem from "@mui/material/MenuItem";
import MuiSelect from "@mui/material/Select";
import TextField from "@mui/material/TextField";
import { createElement, useState } from "react";

/** @import { AutocompleteProps } from "@mui/material/Autocomplete" */
/** @typedef {{ value: string, label: string, group: string }} Entry an option, and the title it stands below */
/** @typedef {{ value: string | null, shown: string | null, id: string, label: string, entries: Entry[], disabled: boolean, refused: string[], choose: (value: string) => void }} Choice */

/**
 * The options as Panel sends them: texts, pairs of text and value, or such lists by group.
 * @param {(string | [string, string])[] | Record<string, (string | [string, string])[]>} options
 * @returns {Entry[]}
 */
function entriesOf(options) {
  if (Array.isArray(options)) {
    return options.map((option) => {
      const [label, value] = Array.isArray(option) ? option : [option, option];
      return { value, label, group: "" };
    });
  }
  // Pairs of a group are the other way round, and the text is the value.
  return Object.entries(options ?? {}).flatMap(([group, listed]) =>
    listed.map((option) => {
      const label = Array.isArray(option) ? option[1] : option;
      return { value: label, label, group };
    }),
  );
}

/**
 * A group's title in a list: Material makes every child of a Select an option, and this is none.
 * @param {{ children?: string }} properties
 */
function Heading({ children }) {
  return createElement(ListSubheader, { role: "presentation", sx: { lineHeight: "32px" } }, children);
}
Heading.muiSkipListHighlight = true;

const OPENING = ["Enter", " "];

/** The same in a searchable list. @type {object} */
const TITLE = { component: "div", role: "presentation" };

/** @param {Choice} choice */
function listed({ entries, refused }) {
  return entries.flatMap(({ value, label, group }, i) => {
    const item = createElement(MenuItem, { key: value, value, disabled: refused.includes(value) }, label);
    const first = group && group !== entries[i - 1]?.group;
    return first ? [createElement(Heading, { key: `title: ${group}` }, group), item] : [item];
  });
}

/** @param {Choice} choice */
function Plain(choice) {
  const { id, label, value, shown, disabled, choose } = choice;
  return createElement(
    FormControl,
    { fullWidth: true, size: "small", disabled },
    createElement(InputLabel, { id, shrink: true }, label),
    createElement(
      MuiSelect,
      {
        labelId: id,
        label,
        notched: true,
        value: value ?? "",
        onChange: ({ target }) => choose(String(target.value)),
        renderValue: shown ? () => shown : undefined,
        MenuProps: { slotProps: { paper: { sx: { maxHeight: "min(420px, 60vh)" } } } },
      },
      listed(choice),
    ),
  );
}

/** @param {Choice} choice */
function Searchable({ id, label, value, entries, disabled, refused, choose }) {
  const [open, setOpen] = useState(false);
  /** @type {AutocompleteProps<Entry, false, true, false>} */
  const properties = {
    id: `${id}-search`,
    fullWidth: true,
    size: "small",
    disabled,
    disableClearable: true,
    autoHighlight: true,
    blurOnSelect: "touch",
    options: entries,
    value: /** @type {Entry} */ (entries.find((entry) => entry.value === value) ?? null),
    isOptionEqualToValue: (a, b) => a.value === b.value,
    getOptionLabel: ({ label: text }) => text,
    open,
    onOpen: () => setOpen(true),
    onClose: () => setOpen(false),
    // A plain list opens by these keys, too.
    onKeyDown: (event) => {
      if (open || !OPENING.includes(event.key)) return;
      event.preventDefault();
      event.defaultMuiPrevented = true;
      setOpen(true);
    },
    slotProps: { popupIndicator: { sx: { color: "text.secondary" } } },
    getOptionDisabled: (entry) => refused.includes(entry.value),
    groupBy: entries.some(({ group }) => group) ? ({ group }) => group : undefined,
    onChange: (_, entry) => choose(entry.value),
    renderInput: (params) => createElement(TextField, { ...params, label }),
    renderGroup: ({ key, group, children }) =>
      createElement(
        "li",
        { key, role: "presentation" },
        createElement(ListSubheader, TITLE, group),
        createElement("ul", { role: "group", "aria-label": group, style: { padding: 0 } }, children),
      ),
  };
  return createElement(/** @type {import("react").FC<typeof properties>} */ (Autocomplete), properties);
}

/** @param {{ model: any }} properties Panel's side of the component */
export function render({ model }) {
  const [disabled] = model.useState("disabled");
  const [label] = model.useState("label");
  const [options] = model.useState("options");
  const [searchable] = model.useState("searchable");
  const [refused] = model.useState("disabled_options", []);
  const [shown] = model.useState("value_label");
  const [value, choose] = model.useState("value");
  const id = `select-label-${model.id}`;
  const entries = entriesOf(options);
  const choice = { id, label, value, shown, entries, disabled, refused: refused ?? [], choose };
  return createElement(searchable ? Searchable : Plain, choice);
}
