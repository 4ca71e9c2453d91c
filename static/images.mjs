// Images that the visitor chooses: decoded here, because Python has no decoder, and sent one a message. How they are
// resized, scaled and laid out is Python's affair, by what is chosen under "How images are read".
import { $ } from "./dom.mjs";

/** @import { Client } from "./client.mjs" */

const CHOICES = /** @type {const} */ (["layout", "resize", "scale", "mean", "std", "height", "width"]);

/**
 * The pixels of an image file as a canvas has them: rows of red, green, blue, opacity.
 * @param {File} file
 */
async function decoded(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`${file.name}: the browser cannot read this image. Choose PNG, JPEG or WebP files.`);
  }
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { height, width, files: [new File([data.buffer], file.name)] };
}

/**
 * Sends images to Python; whether all of them were.
 * @param {Client} client
 * @param {File[]} files
 * @param {object} options
 * @param {"calibration" | "run"} options.purpose
 * @param {() => boolean} options.wanted whether these are still the ones that are wanted
 * @param {(stage: string) => void} options.tell told which one is read
 */
export async function sendImages(client, files, { purpose, wanted, tell }) {
  const choices = Object.fromEntries(CHOICES.map((name) => [name, $(`image-${name}`).value]));
  $("images").dataset.asked = "";
  try {
    for (const [index, file] of files.entries()) {
      tell(`Reading ${index + 1} of ${files.length}`);
      const pixels = await decoded(file);
      if (!wanted()) return false; // other files or other choices were made
      await client.request("image", { ...pixels, index, total: files.length, choices, purpose });
      if (!wanted()) return false;
    }
  } catch (error) {
    $("images").open = true;
    throw error;
  }
  return true;
}

/** @param {() => void} changed */
export function followChoices(changed) {
  for (const name of CHOICES) $(`image-${name}`).addEventListener("change", changed);
}
