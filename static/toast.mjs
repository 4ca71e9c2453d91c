// One sentence in the corner. It stays long enough to read; a newer one that is no failure replaces what stands there.
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
  for (const old of [...list.children]) if (tone !== "bad" || old.textContent === item.textContent) old.remove();
  list.append(item);
  while (list.children.length > 2) list.firstElementChild.remove();
  setTimeout(() => item.remove(), tone === "bad" ? 20_000 : 6000);
}
