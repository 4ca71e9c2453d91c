// Runs in the page that `build.py shots --moving` takes: pictures of a page do not show the pointer, so one is drawn.
(() => {
  const pointer = document.createElement("div");
  pointer.style.cssText =
    "position:fixed;z-index:9999;width:18px;height:18px;margin:-9px;border-radius:50%;pointer-events:none;" +
    "background:rgb(0 0 0 / 35%);border:2px solid white;box-shadow:0 0 3px black;left:-40px";
  document.body.append(pointer);
  const follow = (/** @type {PointerEvent} */ { clientX, clientY, buttons }) => {
    pointer.style.left = `${clientX}px`;
    pointer.style.top = `${clientY}px`;
    pointer.style.scale = buttons ? "0.75" : "1";
  };
  for (const kind of ["pointermove", "pointerdown", "pointerup"])
    addEventListener(kind, (event) => follow(/** @type {PointerEvent} */ (event)), true);
})();
