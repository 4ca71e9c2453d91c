// A classic script without parts, so that it runs where the others do not: says in one sentence why this page cannot work
// here, and when a part of it could not be loaded.
(() => {
  const CORS =
    "This page stands in a sandboxed frame, to which its host has to give its files: by the header " +
    "Access-Control-Allow-Origin: *. Ask the administrator of the host, or leave out the frame’s sandbox.";
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

  /**
   * Nothing else would answer, and the style sheets may be missing too: so the sentence stands alone.
   * @param {string} sentence
   * @param {boolean} again whether to offer a Retry
   */
  function show(sentence, again) {
    const [box, text, retry] = ["failure", "failure-text", "retry"].map((id) => document.getElementById(id));
    if (!box || !text || !retry) return;
    text.textContent = sentence;
    retry.hidden = !again;
    retry.onclick = () => location.reload();
    box.hidden = false;
    document.body.replaceChildren(box);
    const asked = new URLSearchParams(location.search).get("theme");
    const dark = asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    Object.assign(document.documentElement.style, {
      background: dark ? "#161b22" : "#ffffff",
      colorScheme: dark ? "dark" : "light",
    });
    Object.assign(box.style, {
      maxWidth: "42em",
      margin: "3em auto",
      padding: "0 1em",
      font: "16px/1.5 system-ui, sans-serif",
      color: dark ? "#e6edf3" : "#1f2328",
      background: "none",
      position: "static",
    });
  }

  let said = false;
  /**
   * @param {string} sentence
   * @param {boolean} again
   */
  function fail(sentence, again) {
    if (said) return;
    said = true;
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => show(sentence, again));
    else show(sentence, again);
  }

  const reason = reasons.find(({ applies }) => applies);
  if (reason) {
    fail(reason.text, false);
    return;
  }
  /** @param {ErrorEvent} event of a script that could not be loaded, or of one that could not be run */
  function onError({ target, message, filename }) {
    if (window.playground) return; // page.js has begun: from now on it says itself what goes wrong
    if (target instanceof HTMLScriptElement) {
      const why = self.origin === "null" ? CORS : "Check the connection.";
      fail(`${target.src.split("/").pop()} could not be loaded. ${why}`, true);
    } else if (target === window && filename) fail(`${filename.split("/").pop()} could not be run: ${message}.`, true);
  }
  addEventListener("error", onError, true);
})();
