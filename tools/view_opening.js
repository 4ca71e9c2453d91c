// Runs in a page before its own scripts (tools/views_bench.py, tests/browser/test_views.py): opens a view by a click on its
// tab, and says when it is seen, when it is complete, and how much moved meanwhile.
(() => {
  /** @type {{ value: number, moved: string[] }[]} */
  const shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, sources } of /** @type {LayoutShift[]} */ (list.getEntries())) {
      const nodes = sources.map(({ node }) => /** @type {Element | null} */ (node));
      shifts.push({ value, moved: nodes.map((node) => node?.id || node?.className || node?.nodeName || "") });
    }
  }).observe({ type: "layout-shift", buffered: true });

  const PATIENCE_MS = 5000;
  /** Resolves right after a frame. The page builds views in tasks of this priority: timers and messages wait for all of them. */
  const frame = () =>
    new Promise((resolve) => {
      requestAnimationFrame(() => void window.scheduler?.postTask(() => resolve(null), { priority: "user-blocking" }));
    });

  /** The inventory has the open model's first tensor. */
  const isModels = () => {
    const documents = "Bokeh" in window ? [...Bokeh.documents] : [];
    const names = documents.map((doc) => doc.get_model_by_name("inventory")).find(Boolean)?.data.name;
    const shown = document.querySelector("#inventory [role=rowheader]")?.getAttribute("aria-label");
    return names !== undefined && shown === names[0];
  };

  /**
   * @param {string} name of the view
   * @param {number} [at] milliseconds after navigation, at the earliest
   * @returns when it was seen and complete, in milliseconds after the click; what it was not is left out
   */
  const open = async (name, at = 0) => {
    while (performance.now() < at) await new Promise((resolve) => setTimeout(resolve, at - performance.now()));
    const view = /** @type {HTMLElement} */ (document.getElementById(`view-${name}`));
    const isDrawn = (/** @type {Element} */ slot) => slot.childElementCount > 0 && !view.hasAttribute("data-waits");
    /** @type {{ painted?: number, complete?: number }} */
    const found = {};
    shifts.length = 0;
    const began = performance.now();
    document.getElementById(`tab-${name}`)?.click();
    while (found.complete === undefined && performance.now() - began < PATIENCE_MS) {
      await frame();
      const since = performance.now() - began;
      if (!view.hidden) found.painted ??= since;
      const isAll = [...view.querySelectorAll(".slot")].every(isDrawn) && (name !== "model" || isModels());
      if (isAll) found.complete = since;
    }
    return found;
  };

  Object.assign(window, { viewOpening: { shifts, open } });
})();
