// The bar's menu, and what stands in it where the bar is narrow.
import { $ } from "./dom.mjs";

const NARROW = matchMedia("(max-width: 1000px)");

/** The gallery and Share stand in the bar, or where that is narrow in the menu. */
function place() {
  const [menu, open] = [$("menu"), $("open-label")];
  if (NARROW.matches) menu.prepend($("gallery"), $("share") ?? "");
  else {
    open.before($("gallery"));
    open.after($("share") ?? "");
  }
}

export function installMenu() {
  const [button, menu] = [$("menu-button"), $("menu")];
  /** @param {boolean} open */
  const show = (open) => {
    if (!open && menu.contains(document.activeElement)) button.focus();
    menu.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => show(Boolean(menu.hidden)));
  menu.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest("button, a")) show(false);
  });
  menu.addEventListener("change", () => show(false));
  addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || menu.hidden) return;
    show(false);
  });
  addEventListener("pointerdown", ({ target }) => {
    if (!menu.hidden && target instanceof Node && !menu.contains(target) && !button.contains(target)) show(false);
  });
  NARROW.addEventListener("change", place);
  place();
}
