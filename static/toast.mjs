// One sentence in the corner. It stays long enough to read; a failure stays until it is closed.
export function toast(text, tone = "") {
  const item = document.createElement("div");
  item.className = `toast ${tone}`;
  const sentence = document.createElement("span");
  sentence.textContent = text;
  const close = document.createElement("button");
  close.textContent = "×";
  close.setAttribute("aria-label", "Close this message");
  close.addEventListener("click", () => item.remove());
  item.append(sentence, close);
  const list = document.getElementById("toasts");
  list.append(item);
  while (list.children.length > 4) list.firstElementChild.remove();
  if (tone !== "bad") setTimeout(() => item.remove(), 6000);
}
