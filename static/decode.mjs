// What the build compressed, since plain static hosts do not.
import { ZSTDDecoder } from "zstddec";

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function gunzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The decoder fetches itself from a data: address, which a host's policy may forbid.
const network = self.fetch;
const DATA = "data:application/wasm;base64,";
const fromBase64 = (/** @type {string} */ text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
self.fetch = (request, options) =>
  typeof request === "string" && request.startsWith(DATA)
    ? Promise.resolve(new Response(fromBase64(request.slice(DATA.length))))
    : network(request, options);

/** @type {Promise<ZSTDDecoder> | null} */
let zstd = null;
/**
 * @param {Uint8Array} bytes
 * @param {number} size
 */
async function unzstd(bytes, size) {
  if (!zstd) {
    const decoder = new ZSTDDecoder();
    zstd = decoder.init().then(() => decoder);
  }
  const decoded = (await zstd).decode(bytes, size);
  if (decoded.byteLength !== size) throw new Error(`${decoded.byteLength} bytes instead of ${size}`);
  return /** @type {Uint8Array<ArrayBuffer>} */ (decoded);
}

/**
 * A file as it was before the build compressed it.
 * @param {string} name what it is called in an error
 * @param {ArrayBuffer} bytes
 * @param {string} coding "zstd", "gzip" or ""
 * @param {number} size of the result
 * @returns {Promise<ArrayBuffer>}
 */
export async function decode(name, bytes, coding, size) {
  try {
    if (coding === "zstd") return (await unzstd(new Uint8Array(bytes), size)).buffer;
    if (coding === "gzip") return (await gunzip(new Uint8Array(bytes))).buffer;
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw Object.assign(new Error(`${name} could not be unpacked (${message ?? error})`), { kind: "bad_file" });
  }
  return bytes;
}
