// A memory image without its empty pages. Layout, little-endian 32-bit words: magic, length of the image in bytes, then a
// bit for each page (1: it is stored), padded to whole words, then the stored pages.
const PAGE = 4096;
const MAGIC = 0x31505351; // "QSP1"
const HEADER = 2;

const pagesOf = (length) => length / PAGE; // an image is whole pages
const wordsFor = (pages) => Math.ceil(pages / 32);

/** @param {Uint8Array} memory padded with zeros to whole pages @returns {Uint8Array} */
export function pack(memory) {
  const image = new Uint8Array(Math.ceil(memory.length / PAGE) * PAGE);
  image.set(memory);
  const pages = pagesOf(image.length);
  const head = new Uint32Array(HEADER + wordsFor(pages));
  head.set([MAGIC, image.length]);
  const words = new Uint32Array(image.buffer, image.byteOffset, image.length >> 2);
  const kept = [];
  for (let page = 0; page < pages; page += 1) {
    const some = words.subarray((page * PAGE) >> 2, ((page + 1) * PAGE) >> 2);
    if (!some.some((word) => word !== 0)) continue;
    head[HEADER + (page >> 5)] |= 1 << (page & 31);
    kept.push(page);
  }
  const packed = new Uint8Array(head.byteLength + kept.length * PAGE);
  packed.set(new Uint8Array(head.buffer));
  kept.forEach((page, i) => packed.set(image.subarray(page * PAGE, (page + 1) * PAGE), head.byteLength + i * PAGE));
  return packed;
}

/** Puts the image back into `image`, which holds zeros and has its length; throws when `packed` is no such image. */
export function unpack(packed, image) {
  if (packed.length < 4 * HEADER) throw new Error("the snapshot is cut off");
  const [magic, length] = new Uint32Array(packed.buffer, packed.byteOffset, HEADER);
  if (magic !== MAGIC || length !== image.length) throw new Error("this is not the snapshot that was expected");
  const pages = pagesOf(length);
  const bits = new Uint32Array(packed.buffer, packed.byteOffset + 4 * HEADER, wordsFor(pages));
  let from = 4 * (HEADER + wordsFor(pages));
  for (let page = 0; page < pages; page += 1) {
    if (!(bits[page >> 5] & (1 << (page & 31)))) continue;
    if (from + PAGE > packed.length) throw new Error("the snapshot is cut off");
    image.set(packed.subarray(from, from + PAGE), page * PAGE);
    from += PAGE;
  }
}
