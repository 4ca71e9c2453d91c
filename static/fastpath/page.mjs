// How the page uses the fast path: one for the Tensor view's document, with the tensor that Python posts when it changes.
import { keyOf } from "./compute.mjs";
import { FastPath } from "./index.mjs";

let fastPath = null, client = null, asked = null;

/** The Tensor view's document is shown: from now on its controls are followed. */
export function startFastPath({ client: worker, live, settings }) {
  client = worker;
  asked = null;
  fastPath = new FastPath({ live, settings });
  fastPath.ready.catch((error) => console.warn("No fast path:", error));
  followSettings(settings);
  return fastPath;
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

/** For tests and the curious. */
export const currentFastPath = () => fastPath;
