// Copies of Python's files as they were before the build compressed them, for the next visit: reading them takes a third
// of the time that decoding does. Each is checked when it is read, against the hash that the page states, since others may
// have written into the cache; without a sound copy the file is fetched and decoded.
import { digestOf } from "./fetching.mjs";

/** @import { PageFile } from "./types/messages" */

const NAME = "playground-decoded";

async function opened() {
  try {
    return (await caches.has(NAME)) ? await caches.open(NAME) : null;
  } catch {
    return null; // no caches here: storage is closed, or this is plain HTTP from another machine
  }
}

export class Kept {
  #cache = opened();

  /** Whether there may be any copies. */
  async some() {
    return (await this.#cache) !== null;
  }

  /**
   * @param {PageFile} file
   * @returns {Promise<ArrayBuffer|null>} its content, or null if there is no sound copy
   */
  async read({ url, size, content }) {
    const cache = await this.#cache;
    const copy = await cache?.match(url).catch(() => null);
    const bytes = await copy?.arrayBuffer().catch(() => null);
    if (!cache || !bytes) return null;
    if (bytes.byteLength === size && (await digestOf(bytes)) === content) return bytes;
    await cache.delete(url);
    return null;
  }

  /**
   * Keeps these files and no others. Where there is no room, none: nothing depends on them.
   * @param {PageFile[]} files
   * @param {(name: string) => Promise<ArrayBuffer>} contentOf
   */
  async write(files, contentOf) {
    try {
      const cache = await caches.open(NAME);
      const present = new Set((await cache.keys()).map(({ url }) => url));
      for (const { name, url } of files) {
        if (present.delete(url)) continue;
        await cache.put(url, new Response(await contentOf(name)));
      }
      for (const url of present) await cache.delete(url);
    } catch {
      await caches.delete(NAME).catch(() => {
        /* nothing more can be done, and nothing is lost */
      });
    }
  }
}
