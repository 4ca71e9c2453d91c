/**
 * What of an embed is not in its window, too small to hit, or too small to read: a sentence each.
 * @param {string[]} asked the labels of the controls that have to be there
 */
(asked) => {
  const LEAST = { text: 11.9, target: 24, plot: 60 };
  const TARGETS = ".MuiToggleButton-root, .MuiSlider-root, .MuiInputBase-root, .MuiFormControlLabel-root";
  const found = [];
  const everything = [];
  const walk = (node) => {
    everything.push(node);
    for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) walk(child);
  };
  walk(document.querySelector("#view-tensor"));
  const all = (selector) => everything.filter((node) => node.matches(selector));

  /** Its size if it is shown; whether it is in sight is noted. */
  const placed = (node, name) => {
    const { left, top, right, bottom, width, height } = node.getBoundingClientRect();
    if (!width || !height) return null;
    if (left < 0 || top < 0 || right > innerWidth + 0.5 || bottom > innerHeight + 0.5)
      found.push(`${name} is out of sight: ${[left, top, right, bottom].map(Math.round)}`);
    return { width, height };
  };

  const labelOf = (control) =>
    (control.querySelector(".MuiFormLabel-root, .MuiFormControlLabel-label") ?? control).textContent
      .split(":")[0]
      .trim();
  const controls = all(".MuiFormControl-root, .MuiFormControlLabel-root");
  const seen = new Set(controls.filter((control) => placed(control, labelOf(control))).map(labelOf));
  for (const label of asked) if (!seen.has(label)) found.push(`there is no ${label}`);
  for (const target of all(TARGETS)) {
    const size = placed(target, target.textContent || target.className);
    if (size && Math.min(size.width, size.height) < LEAST.target)
      found.push(`"${target.textContent || target.className}" is ${size.width} by ${size.height} pixels`);
  }

  const pair = all("[data-card=accuracy], [data-card=size]").filter((card) => placed(card, card.dataset.card));
  if (pair.length !== 2) found.push("there is no pair of numbers");
  if (!placed(document.querySelector(".big"), "the plot")) found.push("there is no plot");
  const [canvas] = all("#slot-tensor-histogram canvas, .bk-Figure canvas, canvas");
  const drawn = canvas && placed(canvas, "the canvas");
  if (!drawn || drawn.height < LEAST.plot) found.push(`the plot is ${drawn?.height} pixels high`);

  for (const node of everything) {
    const { width, height, top } = node.getBoundingClientRect();
    const hasText = [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
    if (!hasText || width < 2 || height < 2 || top >= innerHeight || node.matches("style, script")) continue;
    const { fontSize, transform } = getComputedStyle(node);
    const size = parseFloat(fontSize) * new DOMMatrix(transform).a;
    if (size < LEAST.text) found.push(`"${node.textContent.trim()}" is ${size} pixels high`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page is wider than its window");
  return found;
};
