import assert from "node:assert/strict";
import { test } from "node:test";
import { head, pack, restore } from "../../static/engine/sparse.mjs";

const PAGE = 4096;

/** Five pages, of which the second and the third are empty, but for 100 bytes that the last one lacks. */
function memoryOf() {
  const memory = new Uint8Array(5 * PAGE - 100);
  for (const page of [0, 3, 4]) {
    for (let i = page * PAGE; i < Math.min((page + 1) * PAGE, memory.length); i += 1) memory[i] = 1 + ((i * 31) % 251);
  }
  return memory;
}

const LENGTH = 5 * PAGE;
const padded = (/** @type {Uint8Array} */ memory) => {
  const image = new Uint8Array(LENGTH);
  image.set(memory);
  return image;
};

test("the layout: magic, length, a bit for each page, the pages that are not empty", () => {
  const memory = memoryOf();
  const packed = pack(memory);
  assert.equal(packed.length, 3 * 4 + 3 * PAGE);
  assert.equal(new TextDecoder().decode(packed.subarray(0, 4)), "QSP1");
  assert.deepEqual([...new Uint32Array(packed.buffer, 4, 2)], [LENGTH, 0b11001]);
  assert.deepEqual(packed.subarray(12, 12 + PAGE), memory.subarray(0, PAGE));
  assert.deepEqual(packed.subarray(12 + PAGE, 12 + 2 * PAGE), memory.subarray(3 * PAGE, 4 * PAGE));
});

test("bits go on in the next word after 32 pages", () => {
  const memory = new Uint8Array(40 * PAGE);
  memory[0] = memory[33 * PAGE] = 1;
  const packed = pack(memory);
  assert.deepEqual([...new Uint32Array(packed.buffer, 8, 2)], [1, 2]);
  assert.deepEqual(head(packed, memory.length, memory.length), memory);
});

test("the head of the image, as long as it is asked for", () => {
  const packed = pack(memoryOf());
  const image = padded(memoryOf());
  for (const size of [0, 8, PAGE, PAGE + 1, 3 * PAGE + 7, LENGTH]) {
    assert.deepEqual(head(packed, LENGTH, size), image.subarray(0, size), `${size} bytes`);
  }
});

test("the rest goes into memory that may be dirty up to what is used, wherever the head ends", () => {
  const packed = pack(memoryOf());
  const image = padded(memoryOf());
  for (const skipped of [0, 40, PAGE, 2 * PAGE - 8, 3 * PAGE + 16]) {
    const memory = new Uint8Array(LENGTH);
    const used = 2 * PAGE + 5;
    memory.fill(255, 0, used);
    restore(packed, LENGTH, skipped, memory, used);
    assert.deepEqual(memory.subarray(0, LENGTH - skipped), image.subarray(skipped), `${skipped} bytes skipped`);
  }
});

test("what is cut off, or another snapshot, is refused", () => {
  const packed = pack(memoryOf());
  const read = (/** @type {Uint8Array} */ bytes, length = LENGTH) => head(bytes, length, length);
  assert.throws(() => read(packed.subarray(0, packed.length - 1)), /cut off/);
  assert.throws(() => read(packed.subarray(0, 4)), /cut off/);
  assert.throws(() => read(packed, LENGTH + PAGE), /not the snapshot/);
  const other = packed.slice();
  other[0] ^= 1;
  assert.throws(() => read(other), /not the snapshot/);
});
