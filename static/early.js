// Runs before the first paint: the theme, and the module loader that Panel's components ask for.
(() => {
  const query = new URLSearchParams(location.search);
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* storage may be closed to us in a sandboxed frame */ }
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const asked = query.get("theme") ?? kept;
  document.documentElement.dataset.theme = asked === "dark" || asked === "light" ? asked : system;
  // Panel loads its components through es-module-shims, whose feature test is an inline script, which our content
  // security policy forbids. The Material bundle is self-contained, so the browser's own import() does.
  window.importShim = (url) => import(new URL(url, document.baseURI).href);
  window.importShim.addImportMap = () => {};
  performance.mark("early");
})();
