// How the page uses the fast path: one for the Tensor view's document, with the tensor that Python posts when it changes.
import { keyOf } from "./compute.mjs";
import { FastPath } from "./index.mjs";
import { linked } from "./settings.mjs";

let fastPath = null,
  client = null,
  asked = null;

/**
 * The Tensor view's document is shown: from now on its controls are followed.
 * @param {object} options
 * @param {import("../client.mjs").Client} options.client
 * @param {import("../documents.mjs").LiveDocument} options.live
 * @param {object} options.settings what is shown
 * @param {Uint8Array} options.kernels the module
 * @param {object} [options.subject] the tensor, if it is at hand: what the request `subject` answers, with its `values`
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
  const changes = linked(location.search, settings);
  if (Object.keys(changes).length) fastPath.propose(changes);
}

/** Python has told its settings; a tensor that is not at hand yet is asked for. */
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
export const handOver = () => fastPath?.handOver((kind, content) => client.request(kind, content));

/** For tests and the curious. */
export const currentFastPath = () => fastPath;
