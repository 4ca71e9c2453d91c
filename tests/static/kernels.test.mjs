import assert from "node:assert/strict";
import { test } from "node:test";
import { k_count_codes, k_histogram, k_linspace } from "../../playground/kernels/structs.mjs";
import { expected, loadKernels } from "./support.mjs";

const PAGE = 65536; // of WebAssembly's memory

test("arrays are aligned, do not overlap, and read as what they were written as", async () => {
  const kernels = await loadKernels();
  const [octets, floats, doubles] = [
    kernels.alloc(Uint8Array, 3),
    kernels.alloc(Float32Array, 5),
    kernels.alloc(Float64Array, 2),
  ];
  const ends = [octets, floats, doubles].map(({ Type, offset, length }) => offset + length * Type.BYTES_PER_ELEMENT);
  assert.deepEqual(
    [octets, floats, doubles].map(({ offset }) => offset % 64),
    [0, 0, 0],
  );
  assert.ok(ends[0] <= floats.offset && ends[1] <= doubles.offset);
  kernels.at(octets).fill(255);
  kernels.at(doubles).set([0.1, -2e300]);
  kernels.at(floats).fill(1.5);
  assert.deepEqual([...kernels.at(octets)], [255, 255, 255]);
  assert.deepEqual([...kernels.at(doubles)], [0.1, -2e300]);
});

test("what was taken since a mark is given back; memory grows when it has to and keeps what is in it", async () => {
  const kernels = await loadKernels();
  const kept = kernels.alloc(Int32Array, 4);
  kernels.at(kept).set([1, -2, 3, -4]);
  const mark = kernels.mark();
  const before = kernels.memory.buffer.byteLength;
  const large = kernels.alloc(Uint8Array, 10 * PAGE);
  kernels.at(large).fill(7);
  assert.ok(kernels.memory.buffer.byteLength >= before + 8 * PAGE);
  assert.deepEqual([...kernels.at(kept)], [1, -2, 3, -4]);
  kernels.release(mark);
  assert.equal(kernels.alloc(Uint8Array, 1).offset, large.offset);
});

for (const { first, last, values } of expected.spaces) {
  test(`floats go by their bits: ${values.length} numbers from ${first} to ${last} are numpy.linspace's`, async () => {
    const kernels = await loadKernels();
    const out = kernels.alloc(Float64Array, values.length);
    kernels.call(k_linspace, { first, last, n: values.length, single: 0, out });
    assert.deepEqual([...kernels.at(out)], values);
  });
}

test("integers go as int32, arrays by their address", async () => {
  const kernels = await loadKernels();
  const [codes, counts] = [kernels.alloc(Uint8Array, 6), kernels.alloc(Int32Array, 4)];
  kernels.at(codes).set([254, 255, 0, 1, 1, 254]); // as int8: -2, -1, 0, 1, 1, -2
  kernels.at(counts).fill(0);
  const sizes = { outer: 1, channels: 1, inner: 6 };
  kernels.call(k_count_codes, { codes, is_signed: 1, ...sizes, channel: -1, qmin: -2, qmax: 1, counts });
  assert.deepEqual([...kernels.at(counts)], [2, 1, 1, 2]);
});

test("a struct inside a struct is given as an object, and no field is left out", async () => {
  const kernels = await loadKernels();
  const x = kernels.alloc(Float32Array, 4);
  const [counts, outside] = [kernels.alloc(Int32Array, 2), kernels.alloc(Int32Array, 2)];
  kernels.at(x).set([-2, 0.25, 0.75, 1]);
  kernels.at(counts).fill(0);
  kernels.at(outside).fill(0);
  kernels.call(k_histogram, { x, n: 4, bins: { lo: 0, hi: 1, count: 2 }, counts, outside });
  assert.deepEqual([...kernels.at(counts), ...kernels.at(outside)], [1, 2, 1, 0]);
  const bins = /** @type {{ lo: number, hi: number, count: number }} */ ({ lo: 0, count: 2 });
  assert.throws(() => kernels.call(k_histogram, { x, n: 4, bins, counts, outside }), /without \*bins\.hi/);
});
