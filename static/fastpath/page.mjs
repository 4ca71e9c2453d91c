// How the page uses the fast path: one for the Tensor view's document, with the tensor that Python posts when it changes.
import { FastPath } from "./index.mjs";
import { linked } from "./link.mjs";
import { keyOf } from "./qparams.mjs";

/**
 * @import { Client } from "../client.mjs"
 * @import { LiveDocument } from "../documents.mjs"
 * @import { Settings, SubjectContent } from "../types/messages"
 */

/** @type {FastPath | null} */
let fastPath = null;
/** @type {Client} */
let client;
/** @type {string | null} */
let asked = null;

/**
 * The Tensor view's document is shown: from now on its controls are followed.
 * @param {object} options
 * @param {Client} options.client
 * @param {LiveDocument} options.live
 * @param {Settings} options.settings what is shown
 * @param {Uint8Array<ArrayBuffer>} options.kernels the module
 * @param {SubjectContent & { values: Float32Array }} [options.subject] the tensor, if it is at hand
 */
export async function startFastPath({ client: worker, live, settings, kernels, subject }) {
  client = worker;
  asked = null;
  fastPath = new FastPath({ live, settings, kernels });
  if (!subject) {
    followSettings(settings);
    return;
  }
  asked = keyOf(subject);
  await fastPath.setSubject({ ...subject, key: asked });
  const changes = linked(location.search, settings, fastPath.schema);
  if (Object.keys(changes).length) fastPath.propose(changes);
}

/**
 * Python has told its settings; a tensor that is not at hand yet is asked for.
 * @param {Settings} settings
 */
export async function followSettings(settings) {
  const current = fastPath;
  if (!current) return;
  current.setSettings(settings);
  if (current.has(settings) || asked === keyOf(settings)) return;
  asked = keyOf(settings);
  try {
    const { result, buffers } = await client.request("subject");
    await current.setSubject({ ...result, key: keyOf(result), values: new Float32Array(buffers[0]) });
  } catch (error) {
    asked = null;
    console.warn("No fast path:", error); // the sliders still work, by Python
  }
}

/** Python begins to listen: it gets what the visitor has chosen meanwhile. */
export const handOver = () => fastPath?.handOver(client);

/** For tests and the curious. */
export const currentFastPath = () => fastPath;
