// A memory image without its empty pages. Layout, little-endian 32-bit words: magic, length of the image in bytes, then a
// bit for each page (1: it is stored), padded to whole words, then the stored pages.
const PAGE = 4096;
const MAGIC = 0x31505351; // "QSP1"
const HEADER = 2;

const pagesOf = (/** @type {number} */ length) => length / PAGE; // an image is whole pages
const wordsFor = (/** @type {number} */ pages) => Math.ceil(pages / 32);

/**
 * Leaves the empty pages out.
 * @param {Uint8Array} memory padded with zeros to whole pages
 */
export function pack(memory) {
  const image = new Uint8Array(Math.ceil(memory.length / PAGE) * PAGE);
  image.set(memory);
  const pages = pagesOf(image.length);
  const head = new Uint32Array(HEADER + wordsFor(pages));
  head.set([MAGIC, image.length]);
  const words = new Uint32Array(image.buffer, image.byteOffset, image.length >> 2);
  /** @type {number[]} */
  const kept = [];
  for (let page = 0; page < pages; page += 1) {
    const some = words.subarray((page * PAGE) >> 2, ((page + 1) * PAGE) >> 2);
    if (!some.some((word) => word !== 0)) continue;
    head[HEADER + (page >> 5)] |= 1 << (page & 31);
    kept.push(page);
  }
  const packed = new Uint8Array(head.byteLength + kept.length * PAGE);
  packed.set(new Uint8Array(head.buffer));
  for (const [i, page] of kept.entries()) {
    packed.set(image.subarray(page * PAGE, (page + 1) * PAGE), head.byteLength + i * PAGE);
  }
  return packed;
}

/**
 * Calls `visit` for each run of pages of the image: what is stored of it, or null where it is empty.
 * @param {Uint8Array} packed
 * @param {number} length of the image
 * @param {(start: number, end: number, bytes: Uint8Array | null) => void} visit
 */
function eachRun(packed, length, visit) {
  if (packed.length < 4 * HEADER) throw new Error("the snapshot is cut off");
  const [magic, stated] = new Uint32Array(packed.buffer, packed.byteOffset, HEADER);
  if (magic !== MAGIC || stated !== length) throw new Error("this is not the snapshot that was expected");
  const pages = pagesOf(length);
  const bits = new Uint32Array(packed.buffer, packed.byteOffset + 4 * HEADER, wordsFor(pages));
  const stored = (/** @type {number} */ page) => (bits[page >> 5] >>> (page & 31)) & 1;
  let from = 4 * (HEADER + wordsFor(pages));
  for (let first = 0, page = 0; page < pages; first = page) {
    const some = stored(first);
    while (page < pages && stored(page) === some) page += 1;
    const size = some ? (page - first) * PAGE : 0;
    if (from + size > packed.length) throw new Error("the snapshot is cut off");
    visit(first * PAGE, page * PAGE, some ? packed.subarray(from, from + size) : null);
    from += size;
  }
}

/**
 * The first `size` bytes of the image.
 * @param {Uint8Array} packed
 * @param {number} length of the image
 * @param {number} size
 */
export function head(packed, length, size) {
  const image = new Uint8Array(size);
  eachRun(packed, length, (start, _end, bytes) => {
    if (bytes && start < size) image.set(bytes.subarray(0, size - start), start);
  });
  return image;
}

/**
 * Puts what follows after `skipped` bytes of the image into `memory`, at its start.
 * @param {Uint8Array} packed
 * @param {number} length of the image
 * @param {number} skipped
 * @param {Uint8Array} memory
 * @param {number} used how much of the memory may hold something else than zeros
 */
export function restore(packed, length, skipped, memory, used) {
  eachRun(packed, length, (start, end, bytes) => {
    const at = Math.max(0, start - skipped);
    if (end <= skipped) return;
    if (bytes) memory.set(bytes.subarray(Math.max(0, skipped - start)), at);
    else if (at < used) memory.fill(0, at, Math.min(used, end - skipped));
  });
}
