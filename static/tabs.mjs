// The tabs. A click shows its view at once, whatever else is still on its way: this part is in the script that runs first.

const tabs = () => /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[role=tab]"));

/** @param {string} name of a view */
export function showTab(name) {
  for (const tab of tabs()) {
    const selected = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    document.getElementById(`view-${tab.dataset.view}`)?.toggleAttribute("hidden", !selected);
  }
  scrollTo(0, 0);
}

/** @param {(view: string) => void} chosen called with the view whose tab was clicked */
export function followTabs(chosen) {
  document.addEventListener("click", ({ target }) => {
    const tab = target instanceof Element && target.closest("[role=tab]");
    if (!(tab instanceof HTMLElement) || !tab.dataset.view) return;
    showTab(tab.dataset.view);
    chosen(tab.dataset.view);
  });
}

/**
 * Has the tabs chosen by clicks and by keys.
 * @param {(view: string) => void} select
 */
export function installTabs(select) {
  const all = [...tabs()];
  for (const [i, tab] of all.entries()) {
    tab.addEventListener("click", () => select(tab.dataset.view ?? ""));
    tab.addEventListener("keydown", (event) => {
      /** @type {Record<string, number>} */
      const places = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: -1 };
      if (!(event.key in places)) return;
      event.preventDefault();
      const next = /** @type {HTMLElement} */ (all.at(places[event.key] % all.length));
      next.focus();
      next.click();
    });
  }
}
