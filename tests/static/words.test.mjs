import assert from "node:assert/strict";
import { test } from "node:test";
import { readPicture } from "../../static/fastpath/content.mjs";
import { tableOf } from "../../static/fastpath/saving.mjs";
import { cardsOf, decibels, example, formulaOf, generalFormula, titlesOf } from "../../static/fastpath/words.mjs";
import { expected } from "./support.mjs";

/** @import { Settings } from "../../static/types/messages" */

/**
 * Python's picture of the first tensor whose settings have these values.
 * @param {Partial<Settings>} wanted
 */
function pictureOf(wanted) {
  const [{ pictures }] = expected.tensors;
  const fits = (/** @type {Settings} */ settings) =>
    Object.entries(wanted).every(([name, value]) => settings[/** @type {keyof Settings} */ (name)] === value);
  const found = pictures.find(({ settings }) => fits(settings));
  assert.ok(found);
  return readPicture(found.picture);
}

test("titles say how many weights lie on how many levels", () => {
  const titles = titlesOf(pictureOf({ format: "int3", granularity: "tensor" }));
  assert.equal(titles.histogram[0], "65\u202f536 weights on 8 levels");
  assert.match(titles.histogram[1], /^levels from −1\.44 to 1\.92 · 0\.0 % clipped/);
  assert.equal(titles.channels[1], "one scale");
});

test("of a channel they say which one it is, and how many there are", () => {
  const titles = titlesOf(pictureOf({ format: "int5", channel: 17 }));
  assert.equal(titles.histogram[0], "128 weights of channel 17 (of 512) on 32 levels a channel");
});

test("a bar's formula has its own numbers, and gives the level that it goes to", () => {
  const picture = pictureOf({ format: "int3", granularity: "tensor" });
  const bar = picture.barPlaces.indexOf(picture.levels.length - 1);
  assert.equal(formulaOf(picture, bar), example(picture));
  assert.match(example(picture), /^1\.92 = 0\.481 × \(3 \+ 1\)$/);
  assert.equal(generalFormula(picture), "real = scale × (code − zero-point)");
});

test("what is not affine has other formulas", () => {
  const picture = { ...pictureOf({ format: "int3", granularity: "tensor" }), affine: false, offset: -0.5 };
  assert.match(formulaOf(picture, 0), / = 0\.481 × −4\.00 − 0\.500$/);
  assert.equal(generalFormula(picture), "real = scale × number + offset");
  assert.equal(
    generalFormula({ ...picture, fitted: true }),
    "real = the nearest level of the codebook made for these values",
  );
  assert.equal(generalFormula({ ...picture, scaled: false }), "real = the nearest number of the format");
});

test("cards say what a number was before the last change, and whether that is better", () => {
  const [three, eight] = [pictureOf({ format: "int3", granularity: "tensor" }), pictureOf({ format: "int8" })];
  const now = cardsOf(eight, null, three);
  assert.deepEqual([now.sqnr.remark, now.sqnr.tone], ["before 0.932 dB", "better"]);
  assert.equal(now["max-error"].tone, "better");
  assert.equal(cardsOf(three, null, eight).sqnr.tone, "worse");
  assert.equal(cardsOf(three, null, three).sqnr.remark, "each bit adds about 6\u00a0dB");
  assert.equal(decibels({ signal: 1, noise: 0 }), Infinity);
});

test("a table has a row for each value, and empty cells where a column is shorter", () => {
  const picture = pictureOf({ format: "int3", granularity: "tensor" });
  const lines = tableOf("histogram", picture).trimEnd().split("\r\n");
  assert.equal(lines[0], "from,to,count,code,level,values_on_level");
  assert.equal(lines.length, 121);
  assert.equal(lines[120].split(",").slice(3).join(), ",,");
  assert.equal(tableOf("channels", picture).split("\r\n")[0], "channel,smallest,largest");
});
