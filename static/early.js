// Runs before the first paint: the theme, and how es-module-shims has to behave under our content security policy.
(() => {
  const query = new URLSearchParams(location.search);
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* storage may be closed to us in a sandboxed frame */ }
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const asked = query.get("theme") ?? kept;
  document.documentElement.dataset.theme = asked === "dark" || asked === "light" ? asked : system;
  window.esmsInitOptions = {shimMode: true};
  performance.mark("early");
})();
