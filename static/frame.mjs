// The hidden frame in which Python's worker is made. A worker from a blob inherits the content security policy of the
// document whose constructor made it (a worker from an address does not), and engine.html's leaves no network at all.
const ADDRESS = new URL("engine.html", document.currentScript.src).href; // of this release, also when a newer one lies on the host by then

/** A new frame, once it has loaded. */
export function openFrame() {
  const frame = document.createElement("iframe");
  Object.assign(frame, { id: "engine", hidden: true, title: "Where Python runs", src: ADDRESS });
  return new Promise((resolve, reject) => {
    frame.onload = () => {
      if (frame.contentDocument?.querySelector("[data-engine]")) {
        resolve(frame);
        return;
      }
      frame.remove();
      reject(Object.assign(new Error("engine.html could not be loaded. Is there a connection?"), { kind: "missing" }));
    };
    document.documentElement.append(frame); // there may be no body yet
  });
}

/**
 * @param {HTMLIFrameElement} frame the worker lives as long as it does
 * @param {ArrayBuffer} source the worker's script
 * @param {(reason: string) => void} stopped is told when it has ended by itself
 */
export function startWorker(frame, source, stopped) {
  const { Blob, URL, Worker } = frame.contentWindow;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(address, { type: "module", name: "playground" });
  frame.playgroundWorker = worker; // for tests and a console: worker.terminate() is what a browser does that needs memory
  worker.onerror = (event) => stopped(event.message || "its script could not be run");
  worker.onmessageerror = () => stopped("a message could not be read");
  return worker;
}
