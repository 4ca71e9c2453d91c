// Chooses the theme before the first paint: the address says which, else the last choice, else the system.
let kept = null;
try {
  kept = localStorage.getItem("theme");
} catch {
  /* storage may be closed to us in a sandboxed frame */
}
const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
const asked = new URLSearchParams(location.search).get("theme") ?? kept;
document.documentElement.dataset.theme = asked === "dark" || asked === "light" ? asked : system;
