// What the kernels are meant to reach, held against the rows of one run.

const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
const smallest = (rows) => Math.min(...rows.map(({ ratio }) => ratio));
const isNet = ({ shape }) => / batch \d+$/.test(shape);
const isTheirs = ({ engine }) => engine.startsWith("ONNX");
const target = (what, wanted, found) => ({ what, wanted, found, met: found >= wanted });

/** How near our products come to the loop that only multiplies, for every shape and build. */
function limits(rows) {
  return rows
    .filter(({ engine }) => engine.startsWith("Multiplying"))
    .map((limit) => {
      const build = limit.engine.match(/\((.*)\)/)[1];
      const ours = rows.find(
        (row) => row.shape === limit.shape && row.engine === `Ours (${build}), requantized to uint8`,
      );
      return target(
        `${limit.shape}, ${build}: share of the loop that only multiplies`,
        0.85,
        limit.medianMs / ours.medianMs,
      );
    });
}

/** Operators of ONNX Runtime Web: shapes they are timed on, what is said, the least ratio of its time to ours. */
const OPERATORS = [
  ["MatMulInteger", /^\d+ × /, "its best int8 MatMulInteger", 2.2],
  ["QLinearMatMul", /^\d+ × /, "its QLinearMatMul", 3.5],
  ["MatMul, float", /^\d+ × /, "its float32 MatMul", 4.5],
  ["QLinearConv", /^conv/, "its QLinearConv", 2.5],
  ["QLinearConv", /^depthwise/, "its QLinearConv", 2],
  ["MatMulNBits", /blocks/, "its MatMulNBits", 3],
];

function operators(rows) {
  return OPERATORS.flatMap(([operator, shapes, what, wanted]) => {
    const fitting = rows.filter(
      ({ shape, engine }) => shapes.test(shape) && engine.startsWith(`ONNX Runtime Web ${operator}`),
    );
    return [...new Set(fitting.map(({ shape }) => shape))].map((shape) =>
      target(`${shape}: against ${what}`, wanted, smallest(fitting.filter((row) => row.shape === shape))),
    );
  });
}

/** Each network against the faster of ONNX Runtime Web's two, and the geometric mean of that. */
function networks(rows) {
  const theirs = rows.filter((row) => isNet(row) && isTheirs(row));
  const each = [...new Set(theirs.map(({ shape }) => shape))].map((shape) => {
    const found = smallest(theirs.filter((row) => row.shape === shape));
    return target(`${shape}: against the faster of its float32 and QDQ`, 1, found);
  });
  return [...each, target("all networks: geometric mean", 3, geometricMean(each.map(({ found }) => found)))];
}

/** One target each: what, the least that is wanted, what was found, whether that will do. */
export const targets = (rows) => [...limits(rows), ...operators(rows), ...networks(rows)];
