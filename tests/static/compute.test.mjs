import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compute } from "../../static/fastpath/compute.mjs";
import { readTag } from "../../static/fastpath/controls.mjs";
import { channelAxis, covers, keyOf } from "../../static/fastpath/qparams.mjs";
import { MOST_VALUES, Subject } from "../../static/fastpath/subject.mjs";
import { readPicture } from "../../static/fastpath/content.mjs";
import { expected, loadKernels, plain } from "./support.mjs";

/** @import { Figure } from "../../static/types/bokeh" */

const figure = /** @type {Figure} */ ({ tags: [{}, "describe:a histogram", expected.tag] });
const { conventions } = readTag(figure);

for (const { values, shape, zoomed, model, tensor, pictures } of expected.tensors) {
  describe(`${tensor} of ${model}`, async () => {
    const kernels = await loadKernels();
    const given = { values: Float32Array.from(values), shape, zoomed, key: keyOf({ model, tensor }) };
    const subject = new Subject(kernels, given);
    for (const { settings, picture } of pictures) {
      const { format, granularity, axis, convention } = settings;
      const name = `${format} a ${granularity} ${axis}, ${convention}${settings.symmetric ? ", symmetric" : ""}`;
      test(`${name}: the picture is Python's, bit for bit`, () => {
        const made = compute(kernels, subject, settings, conventions);
        assert.ok(made);
        assert.deepEqual(plain(made), plain(readPicture(picture)));
      });
      test(`${name}: what looked at every value may be taken over`, () => {
        const made = compute(kernels, subject, settings, conventions);
        assert.deepEqual(plain(compute(kernels, subject, settings, conventions, made)), plain(made));
        const other = { ...settings, hi: 0.125 };
        const [light, full] = [made, null].map((kept) => compute(kernels, subject, other, conventions, kept));
        assert.deepEqual([light?.levels, light?.limits], [full?.levels, full?.limits]);
        assert.equal(light?.noise, made?.noise);
      });
    }
    test("nothing of a picture is kept in the kernels' memory", () => {
      const mark = kernels.mark();
      for (const { settings } of pictures) compute(kernels, subject, settings, conventions);
      assert.equal(kernels.mark(), mark);
    });
  });
}

describe("what is left to Python", async () => {
  const kernels = await loadKernels();
  const [{ values, shape, model, tensor }] = expected.tensors;
  const subject = new Subject(kernels, { values: Float32Array.from(values), shape, key: keyOf({ model, tensor }) });
  for (const settings of expected.refused) {
    const { format, granularity, calibrator, convention } = settings;
    test(`${format} a ${granularity}, ${calibrator}, ${convention}`, () => {
      assert.equal(compute(kernels, subject, settings, conventions), null);
    });
  }
  test("with another number of codes nothing is taken over", () => {
    const [three, four] = ["int3", "int4"].map((format) => ({ ...expected.defaults, format }));
    const made = compute(kernels, subject, three, conventions);
    const fresh = compute(kernels, subject, four, conventions);
    assert.deepEqual(plain(compute(kernels, subject, four, conventions, made)), plain(fresh));
  });
  test("another tensor, none at all, a bulk that has not been counted", () => {
    const { defaults } = expected;
    assert.equal(covers(subject, defaults, conventions), true);
    assert.equal(covers(subject, { ...defaults, tensor: "fc1.weight" }, conventions), false);
    assert.equal(covers(subject, { ...defaults, tensor: null }, conventions), false);
    assert.equal(covers(subject, { ...defaults, zoom: true }, conventions), false);
    assert.equal(covers(null, defaults, conventions), false);
  });
  test("a calibrator does not matter where both ends are given", () => {
    const entropy = { ...expected.defaults, calibrator: "entropy" };
    assert.equal(covers(subject, { ...entropy, lo: -1 }, conventions), false);
    assert.equal(covers(subject, { ...entropy, lo: -1, hi: 1 }, conventions), true);
  });
  test("more values than fit into a frame", () => {
    const many = new Subject(kernels, {
      values: new Float32Array(MOST_VALUES + 1),
      shape: [MOST_VALUES + 1],
      key: subject.key,
    });
    assert.equal(covers(many, expected.defaults, conventions), false);
  });
  test("a range too narrow for a scale, and a zero-point that is not a code", () => {
    const { defaults } = expected;
    const tiny = { ...defaults, convention: "pytorch", lo: 0, hi: 1e-45 };
    assert.notEqual(compute(kernels, subject, tiny, conventions), null, "PyTorch has a least scale");
    assert.equal(compute(kernels, subject, { ...defaults, zero_point: 4 }, conventions), null, "int3 ends at 3");
    assert.notEqual(compute(kernels, subject, { ...defaults, zero_point: 3 }, conventions), null);
  });
});

test("the axis nearest to the one that is asked for", () => {
  const axes = [-3, -2, -1, 0, 1, 2].map((axis) => channelAxis({ axis }, 2));
  assert.deepEqual(axes, [0, 0, 1, 0, 1, 1]);
});
