// A classic script, so that it runs where modules do not: says in one sentence why this page cannot work here.
(() => {
  const reasons = [
    {
      applies: location.protocol === "file:",
      text:
        "This page was opened as a file, and browsers do not let files load the parts it is made of. " +
        "Serve its folder instead: run “python -m http.server” in it, then open http://localhost:8000/.",
    },
    {
      applies: typeof WebAssembly !== "object" || !("noModule" in HTMLScriptElement.prototype),
      text:
        "This browser is too old for the playground: it needs JavaScript modules and WebAssembly. " +
        "Update it, or use a current Chrome, Edge, Firefox or Safari.",
    },
  ];
  const reason = reasons.find(({ applies }) => applies);
  if (!reason) return;
  addEventListener("DOMContentLoaded", () => {
    const [box, text, retry] = ["failure", "failure-text", "retry"].map((id) => document.getElementById(id));
    if (!box || !text || !retry) return;
    text.textContent = reason.text;
    retry.hidden = true;
    box.hidden = false;
    document.body.replaceChildren(box); // nothing else would answer, and the style sheets may be missing too
    Object.assign(box.style, {
      maxWidth: "42em",
      margin: "3em auto",
      padding: "0 1em",
      font: "16px/1.5 system-ui, sans-serif",
    });
  });
})();
