// Where the screen is too narrow for a column of controls they are folded: below a row of what is chosen, and on a phone
// into a sheet at the foot of the screen.

/** @import { State } from "./types/messages" */

const GRANULARITY = /** @type {Record<string, string>} */ ({
  tensor: "one scale",
  channel: "a scale per channel",
  token: "a scale per row",
  block: "a scale per block",
});

const PHONE = matchMedia("(max-width: 760px)");

const ACTIVATIONS = /** @type {Record<string, string>} */ ({
  static: "static activations",
  dynamic: "dynamic activations",
  weight_only: "activations stay float",
});

/** View -> what is chosen, in a few words each. @type {Record<string, (state: State) => string[]>} */
const CHIPS = {
  tensor: ({ calibrator, settings: { tensor, format, granularity, symmetric } }) => [
    format,
    GRANULARITY[granularity] ?? granularity,
    symmetric ? "symmetric" : "asymmetric",
    calibrator,
    tensor ?? "",
  ],
  model: ({ runtime, settings: { weights, weights_granularity, activations } }) => [
    `${weights} weights`,
    GRANULARITY[weights_granularity] ?? weights_granularity,
    ACTIVATIONS[activations] ?? activations,
    runtime,
  ],
};

const rows = () => /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("button.chips"));

/** @param {string} text */
function chip(text) {
  const made = document.createElement("span");
  made.className = "chip";
  made.textContent = text;
  return made;
}

/**
 * Writes what is chosen into the rows.
 * @param {State} state
 */
export function showChips(state) {
  for (const row of rows()) {
    const texts = (CHIPS[row.dataset.chips ?? ""]?.(state) ?? []).filter(Boolean);
    row.replaceChildren(chip("Controls"), ...texts.map(chip));
  }
}

/** Of a screen's height: a message above a sheet that is higher would be out of sight. */
const MOST = 0.4;

/** The height of the sheet that is at the foot of the screen as a variable of the style sheet: messages stand above it. */
function tellHeight() {
  const sheets = [...rows()].map((row) => /** @type {HTMLElement} */ (row.closest(".sheet")));
  const observer = new ResizeObserver(() => {
    const heights = PHONE.matches ? sheets.map((sheet) => sheet.offsetHeight) : [0];
    const height = Math.min(Math.max(...heights), MOST * innerHeight);
    document.documentElement.style.setProperty("--sheet", `${height}px`);
  });
  for (const sheet of sheets) observer.observe(sheet);
}

export function installSheets() {
  tellHeight();
  for (const row of rows()) {
    const sheet = /** @type {HTMLElement} */ (row.closest(".sheet"));
    /** @param {boolean} open */
    const show = (open) => {
      row.setAttribute("aria-expanded", String(open));
      sheet.classList.toggle("open", open);
      if (open && PHONE.matches) scrollTo(0, 0); // the numbers and the plot stand above the sheet
    };
    row.addEventListener("click", () => show(!sheet.classList.contains("open")));
    sheet.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !sheet.classList.contains("open")) return;
      show(false);
      row.focus();
    });
  }
  addEventListener("playground-state", ({ detail }) => showChips(detail));
}
