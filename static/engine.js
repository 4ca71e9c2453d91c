// The hidden frame that starts the worker with Python. A worker made from a blob inherits the content security policy of
// the document that makes it, which a worker from an address does not. Once this script is here, the frame needs nothing
// from the network any more, so the policy is made tighter first: from then on blobs only, not even our own host.
(() => {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "default-src 'none'; script-src blob: 'wasm-unsafe-eval'; worker-src blob:; form-action 'none'; base-uri 'none'";
  document.head.append(policy);
  addEventListener("message", ({ data, origin, source, ports }) => {
    if (source !== parent || origin !== location.origin) return;
    const address = URL.createObjectURL(new Blob([data.source], { type: "text/javascript" }));
    const worker = new Worker(address, { type: "module", name: "playground" });
    const stopped = (reason) => parent.postMessage({ engine: "stopped", reason }, location.origin);
    window.playgroundWorker = worker; // for tests and a console: worker.terminate() is what a browser does that needs memory
    worker.onerror = (event) => stopped(event.message || "its script could not be run");
    worker.onmessageerror = () => stopped("a message could not be read");
    worker.postMessage({ lock: data.lock }, ports);
  });
  window.playgroundEngine = true; // read by client.mjs, which may come later than the message
  parent.postMessage({ engine: "ready" }, location.origin);
})();
