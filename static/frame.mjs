// The hidden frame in which Python's worker is made. A worker from a blob inherits the content security policy of the
// document whose constructor made it (a worker from an address does not), and this empty one's leaves no network at all.
const POLICY =
  "default-src 'none'; script-src blob: 'wasm-unsafe-eval'; worker-src blob:; form-action 'none'; base-uri 'none'";

/** A new frame: an empty document of its own, under the page's policy and that one. */
export async function openFrame() {
  const frame = document.createElement("iframe");
  Object.assign(frame, { id: "engine", hidden: true, title: "Where Python runs" });
  document.documentElement.append(frame); // there may be no body yet
  // its document is of our own origin, so it can be seen
  const inside = () => /** @type {Document} */ (frame.contentDocument);
  if (inside().readyState !== "complete") {
    // some browsers put the document that stays there only later
    await new Promise((resolve) => {
      frame.onload = resolve;
    });
  }
  const policy = inside().createElement("meta");
  Object.assign(policy, { httpEquiv: "Content-Security-Policy", content: POLICY });
  inside().head.append(policy);
  return frame;
}

/**
 * @param {HTMLIFrameElement} frame the worker lives as long as it does
 * @param {ArrayBuffer} source the worker's script
 * @param {(reason: string) => void} stopped is told when it has ended by itself
 */
export function startWorker(frame, source, stopped) {
  const { Blob, URL, Worker } = /** @type {Window & typeof globalThis} */ (frame.contentWindow);
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(address, { type: "module", name: "playground" });
  frame.playgroundWorker = worker; // for tests and a console: worker.terminate() is what a browser does that needs memory
  worker.onerror = (event) => stopped(event.message || "its script could not be run");
  worker.onmessageerror = () => stopped("a message could not be read");
  return worker;
}
