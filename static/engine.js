// The hidden frame that starts the worker with Python, at once: its source is in this very page (engine.html), where the
// build has put it. A worker made from a blob inherits the content security policy of the document that makes it, which a
// worker from an address does not. Once this script is here, the frame needs nothing from the network any more, so the
// policy is made tighter first: from then on blobs only, not even our own host.
(() => {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "default-src 'none'; script-src blob: 'wasm-unsafe-eval'; worker-src blob:; form-action 'none'; base-uri 'none'";
  document.head.append(policy);
  const source = document.getElementById("worker").textContent;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module", name: "playground" });
  let trouble = "";
  const stopped = (reason) => {
    trouble ||= reason;
    parent.postMessage({ engine: "stopped", reason }, location.origin);
  };
  window.playgroundWorker = worker; // for tests and a console: worker.terminate() is what a browser does that needs memory
  worker.onerror = (event) => stopped(event.message || "its script could not be run");
  worker.onmessageerror = () => stopped("a message could not be read");
  /** Hands the page's ports to the worker. */
  window.playgroundEngine = (lock, ports) => {
    if (trouble) stopped(trouble); // the page may not have listened yet
    worker.postMessage({ lock }, ports);
  };
  parent.dispatchEvent(new Event("playground-engine")); // the page may wait for it; no message, which would have to queue
})();
