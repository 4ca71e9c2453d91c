// The hidden frame in which Python's worker is made. A worker from a blob inherits the content security policy of the
// document whose constructor made it (a worker from an address does not), and this one's leaves no network at all. In a
// sandboxed page the frame is of an origin of its own, as the page is: so it is spoken to by messages only.
import SCRIPT from "./frame_script.txt";
import { trustFrame } from "./trusted.mjs";

/** Of the script: index.html and embed.html allow it too. tests/tools/test_pages.py holds them equal. */
const HASH = "sha256-0T1ec0L16NJdo6tKu8ZDcoagEUmnqeLw0tDDCVIDLqI=";

const POLICY = `default-src 'none'; script-src blob: 'wasm-unsafe-eval' '${HASH}'; worker-src blob:; \
form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types default`;

const DOCUMENT = trustFrame(
  `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}"><script>${SCRIPT}</script>`,
);

/** A new frame: a document of its own, under the page's policy and that one. */
export async function openFrame() {
  const frame = document.createElement("iframe");
  Object.assign(frame, { id: "engine", hidden: true, title: "Where Python runs", srcdoc: DOCUMENT });
  const loaded = new Promise((resolve) => {
    frame.onload = resolve;
  });
  document.documentElement.append(frame); // there may be no body yet
  await loaded;
  return frame;
}

/**
 * @param {HTMLIFrameElement} frame the worker lives as long as it does
 * @param {{source: ArrayBuffer, lock: string}} begin the worker's script, and the lock that it has to hold
 * @param {MessagePort[]} ports the worker's first message brings them
 * @param {(reason: string) => void} stopped is told when it has ended by itself
 */
export function startWorker(frame, begin, ports, stopped) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => stopped(data);
  frame.contentWindow?.postMessage(begin, "*", [port2, ...ports, begin.source]);
}
