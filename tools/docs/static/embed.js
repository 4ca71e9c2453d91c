// The posters of embeds: a click on their link puts the page in the place of the picture.

/** The theme that the reader sees, which the theme of these documents keeps in the body's attribute. */
function theme() {
  const chosen = document.body.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** @param {HTMLAnchorElement} link */
function open(link) {
  const figure = /** @type {HTMLElement} */ (link.closest("figure.playground"));
  const frame = document.createElement("iframe");
  frame.src = `${link.href}&theme=${theme()}`;
  frame.title = link.title;
  frame.height = "620";
  frame.loading = "eager";
  /** @type {HTMLElement} */ (figure.querySelector(".poster")).replaceWith(frame);
  link.parentElement?.querySelector(".note")?.remove();
  link.remove();
  frame.focus();
}

/** @type {NodeListOf<HTMLAnchorElement>} */
const links = document.querySelectorAll("figure.playground a.live");
for (const link of links) {
  link.role = "button";
  link.addEventListener("click", (event) => {
    event.preventDefault();
    open(link);
  });
  link.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    open(link);
  });
}
