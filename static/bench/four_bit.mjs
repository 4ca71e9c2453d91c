// One row of float32 times 4-bit weights in blocks of 32: ours and ONNX Runtime Web's MatMulNBits.
import { bytes, runtime } from "./files.mjs";
import { buildOf } from "./product.mjs";
import { codes, race, ROUNDS, rowsOf, verdict } from "./timing.mjs";

const SIZE = 2048;
const BLOCKS = SIZE / 32;

/** The floats -8 .. 7 that the codes stand for, octet by octet: the codebook of k_gemv_4bit. */
function codebook() {
  const octets = new Uint8Array(Float32Array.from({ length: 16 }, (_, code) => code - 8).buffer);
  return Uint8Array.from({ length: 64 }, (_, i) => octets[(i % 16) * 4 + Math.floor(i / 16)]);
}

function ours(kernels, weights, scales, x) {
  const [input, out] = [kernels.alloc(Float32Array, SIZE), kernels.alloc(Float32Array, SIZE)];
  const held = [[Uint8Array, weights], [Float32Array, scales], [Uint8Array, codebook()]].map(([Type, array]) => {
    const place = kernels.alloc(Type, array.length);
    kernels.at(place).set(array);
    return place;
  });
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call("k_gemv_4bit", input, 1, SIZE, SIZE, ...held, out);
      return kernels.at(out);
    },
  };
}

/** Rows of the table. */
export async function fourBit(builds, progress) {
  const x = Float32Array.from(codes(SIZE), (code) => (code - 128) / 64);
  const [weights, scales] = [await bytes("codes-4bit.bin"), new Float32Array((await bytes("scales-4bit.bin")).buffer)];
  const marks = builds.map((kernels) => kernels.mark());
  const engines = {};
  for (const kernels of builds) engines[`Ours (${buildOf(kernels)}), 4-bit weights`] = ours(kernels, weights, scales, x);
  const theirs = "ONNX Runtime Web MatMulNBits";
  engines[theirs] = await runtime("matmulnbits.onnx", "float32", x, [1, SIZE]);
  const results = [];
  for (const engine of Object.values(engines)) results.push(Float32Array.from(await engine.run()));
  const verdicts = { [theirs]: verdict(results[0], results.at(-1), 1e-5) };
  const times = await race(engines, ROUNDS, progress);
  builds.forEach((kernels, k) => kernels.release(marks[k]));
  return rowsOf({ title: `1 × ${SIZE} × ${SIZE}, ${BLOCKS} blocks a column`, macs: SIZE * SIZE }, times, { verdicts });
}
