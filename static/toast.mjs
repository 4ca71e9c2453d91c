// One sentence in the corner, with a button if there is something to do about it. It stays long enough to read; a newer one that is no failure replaces what stands there.
export function toast(text, tone = "", action = null) {
  const item = document.createElement("div");
  item.className = `toast ${tone}`;
  const sentence = document.createElement("span");
  sentence.textContent = text;
  const close = document.createElement("button");
  close.textContent = "×";
  close.setAttribute("aria-label", "Close this message");
  close.addEventListener("click", () => item.remove());
  item.append(sentence);
  if (action) {
    const button = document.createElement("button");
    button.className = "button";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      item.remove();
      action.run();
    });
    item.append(button);
  }
  item.append(close);
  const list = document.getElementById("toasts");
  for (const old of [...list.children]) if (tone !== "bad" || old.textContent === item.textContent) old.remove();
  list.append(item);
  while (list.children.length > 2) list.firstElementChild.remove();
  setTimeout(() => item.remove(), tone === "bad" ? 20_000 : 6000);
}
