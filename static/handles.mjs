// The clip handles follow the pointer at once; the numbers follow when Python has answered.

/** Keeps the drawn handles where the invisible, wide grips are being dragged to. */
export function installHandles(doc) {
  const grips = ["grip-lo", "grip-hi"].map((name) => doc.get_model_by_name(name));
  const drawn = doc.get_model_by_name("handles");
  if (!drawn || grips.some((grip) => !grip)) return;
  const follow = () => {
    const x = grips.map((grip) => grip.location);
    if (x.every((value, i) => value === drawn.data.x[i])) return;
    drawn.data.x = x;
    drawn.change.emit();
  };
  for (const grip of grips) grip.properties.location.change.connect(follow);
  drawn.properties.data.change.connect(follow);
}
