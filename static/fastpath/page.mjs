// How the page uses the fast path: one for the Tensor view's document, with the tensor that Python posts when it changes.
// What comes before the view is on screen is kept for it.
import { FastPath } from "./index.mjs";
import { linked } from "./link.mjs";
import { keyOf } from "./qparams.mjs";

/**
 * @import { Client } from "../client.mjs"
 * @import { LiveDocument } from "../documents.mjs"
 * @import { Settings, SubjectContent } from "../types/messages"
 * @import { PictureContent, Tensor } from "../types/picture"
 */

/** @type {FastPath | null} */
let fastPath = null;
/** @type {Client | null} */
let client = null;
/** The key of the requested tensor. @type {string | null} */
let asked = null;
/** What Python said last of the picture, and of the settings. @type {{ content?: PictureContent, settings?: Settings }} */
let told = {};
let connected = false;
/** @type {Uint8Array<ArrayBuffer> | null} */
let module = null;
/** @type {Tensor | null} */
let tensor = null;

/**
 * From now on Python's pictures are kept, or drawn.
 * @param {Client} worker
 */
export function listen(worker) {
  client = worker;
  worker.addEventListener("picture", ({ detail: { content } }) => {
    told = { ...told, content: { ...told.content, ...content } };
    try {
      fastPath?.receive(content);
    } catch (error) {
      worker.dispatchEvent(new CustomEvent("failed", { detail: error })); // it was no picture
    }
  });
}

/**
 * The Tensor view's document is shown: its controls are followed, and pictures are drawn on it.
 * @param {object} options
 * @param {Client} options.client
 * @param {LiveDocument} options.live
 * @param {Settings} options.settings what is shown
 * @param {PictureContent} [options.content] its picture
 * @param {string} options.query the link's, if Python has not been asked yet
 */
export function startFastPath({ client: worker, live, settings, content, query }) {
  if (!content) return;
  const first = { ...content, ...told.content };
  const now = told.settings ?? settings;
  fastPath = new FastPath({ client: worker, live, settings: now, content: first });
  const changes = connected ? {} : linked(query, now, fastPath.schema);
  if (Object.keys(changes).length) fastPath.propose(changes);
  if (module) fastPath.useKernels(module);
  if (tensor) fastPath.setSubject(tensor);
  if (connected) fastPath.connect();
}

/**
 * What it takes to compute pictures here.
 * @param {Uint8Array<ArrayBuffer>} kernels the module
 * @param {SubjectContent & { values: Float32Array }} [subject] the tensor, if it is at hand
 */
export async function supplyFastPath(kernels, subject) {
  if (!module) await fastPath?.useKernels(kernels);
  module = kernels;
  if (!subject) {
    if (fastPath) followSettings(fastPath.settings);
    return;
  }
  asked = keyOf(subject);
  tensor = { ...subject, key: asked };
  await fastPath?.setSubject(tensor);
}

/**
 * Python has told its settings; a tensor that is not at hand yet is asked for.
 * @param {Settings} settings
 */
export async function followSettings(settings) {
  told = { ...told, settings };
  fastPath?.setSettings(settings);
  if (!client || tensor?.key === keyOf(settings) || asked === keyOf(settings)) return;
  asked = keyOf(settings);
  try {
    const { result, buffers } = await client.request("subject");
    tensor = { ...result, key: keyOf(result), values: new Float32Array(buffers[0]) };
    await fastPath?.setSubject(tensor);
  } catch (error) {
    asked = null;
    console.warn("No fast path:", error); // the sliders still work, by Python
  }
}

/** Python begins to listen: it gets what the visitor has chosen meanwhile. */
export function connectFastPath() {
  connected = true;
  return fastPath?.connect();
}

/** Python is gone. */
export function disconnectFastPath() {
  connected = false;
  fastPath?.disconnect();
}

/** For tests and the curious. */
export const currentFastPath = () => fastPath;
