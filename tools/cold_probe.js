// Runs in each page that `build.py bench --cold` opens, before any of its scripts: notes when what a visitor waits for is
// on screen. A time is taken in the task after the frame that shows it, so painting is included.
(() => {
  if (window !== top) return;
  /** @type {{ shift: number, view?: number, slider?: number, alone?: boolean, python?: number }} */
  const seen = { shift: 0 };
  /** @type {string | null} */
  let before = null;
  performance.setResourceTimingBufferSize(2000);
  new PerformanceObserver((list) => {
    const entries = /** @type {LayoutShift[]} */ (list.getEntries());
    for (const { value, hadRecentInput } of entries) if (!hadRecentInput) seen.shift += value;
  }).observe({ type: "layout-shift", buffered: true });

  /**
   * An element and all below it, those in shadow roots too.
   * @param {Element} node
   * @returns {Iterable<Element>}
   */
  const walk = function* (node) {
    yield node;
    for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) yield* walk(child);
  };
  /**
   * @param {string} id
   * @param {string} wanted a selector
   */
  const within = (id, wanted) => {
    const host = document.getElementById(id);
    return host ? [...walk(host)].filter((node) => node.matches(wanted)) : [];
  };
  /** @type {HTMLInputElement | undefined} */
  let slider; // what is found is kept: looking for it in every frame would take the time that is measured
  const bits = () =>
    (slider ??= within("slot-tensor-controls", "input[type=range]")
      .filter((node) => node instanceof HTMLInputElement)
      .find(({ min, max }) => min === "2" && max === "8"));
  const numbers = () =>
    within("slot-tensor-numbers", "dd")
      .map((node) => node.textContent)
      .join("|");
  const empty = new Set(["histogram", "error", "transfer", "channels"]);
  const plots = () => {
    for (const name of empty) if (within(`slot-tensor-${name}`, "canvas").length) empty.delete(name);
    return !empty.size;
  };
  const marked = (/** @type {string} */ name) => performance.getEntriesByName(name).length > 0;
  const after = (/** @type {(now: number) => void} */ work) => {
    setTimeout(() => work(performance.now()), 0);
  };

  function look() {
    if (!seen.view && marked("first view") && plots() && numbers() && bits())
      after((now) => {
        seen.view ??= now;
      });
    if (before !== null && !seen.slider && numbers() !== before) {
      const alone = !window.playground?.bootTimes;
      after((now) => {
        seen.slider ??= now;
        seen.alone ??= alone;
      });
    }
    if (!seen.slider) requestAnimationFrame(look);
  }
  requestAnimationFrame(look);
  addEventListener("playground-booted", () => {
    seen.python = performance.now();
  });

  window.coldProbe = {
    seen,
    /** Takes hold of the slider when there is one that works; the caller then presses a key. */
    hold() {
      if (!seen.view || !marked("fast path")) return false;
      bits()?.focus();
      before = numbers();
      return true;
    },
    done: () => Boolean(seen.python && seen.slider),
    /** All that was noted, and the bytes that crossed the network. */
    tell() {
      const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      const entries = /** @type {PerformanceResourceTiming[]} */ (all);
      return { ...seen, bytes: entries.reduce((total, { transferSize }) => total + transferSize, 0) };
    },
  };
})();
