// Calibration data that the visitor chooses: an .npz goes to Python as it is; images are decoded here, because Python
// has no decoder, and how they are resized, scaled and laid out is Python's affair.
import { toast } from "./toast.mjs";
import { $, filesOf } from "./dom.mjs";

/**
 * @import { State } from "./types/messages"
 * @import { Given, Part } from "./types/page"
 */

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

/** @param {Part & { given: Given }} part */
export function installCalibration({ client, complain, given, ready }) {
  let newest = 0;
  let reading = "";
  /** The images that were chosen last, in use or not: their size may have to be chosen first. @type {File[] | null} */
  let tried = null;
  /** @type {Partial<State>} */
  let last = {};

  function show() {
    $("calibration-hint").textContent = last.calibration ?? "";
    $("calibration-name").textContent = reading || last.calibration_name || "Choose an .npz or images";
    $("images").hidden = !given.images && !tried;
    $("calibration").disabled = last.runs === false;
    $("calibration-label").classList.toggle("off", last.runs === false);
  }

  /** @param {File[]} files */
  async function useImages(files) {
    const mine = ++newest;
    tried = files;
    const choices = Object.fromEntries(CHOICES.map((name) => [name, $(`image-${name}`).value]));
    try {
      await ready();
      for (const [index, file] of files.entries()) {
        reading = `Reading ${index + 1} of ${files.length}`;
        show();
        const pixels = await decoded(file);
        if (mine !== newest) return; // other files or other choices were made
        await client.request("image", { ...pixels, index, total: files.length, choices });
        if (mine !== newest) return;
      }
      Object.assign(given, { calibration: null, images: files });
    } catch (error) {
      $("images").open = true;
      throw error;
    } finally {
      if (mine === newest) reading = "";
      show();
    }
  }

  /** @param {File} file */
  async function useArrays(file) {
    newest += 1;
    tried = null;
    await ready();
    await client.request("calibration", { files: [file] });
    Object.assign(given, { calibration: file, images: null });
    show();
  }

  const input = $("calibration");
  input.addEventListener("change", () => {
    const files = filesOf(input);
    if (!files.length) return;
    const arrays = files.find((file) => file.name.endsWith(".npz"));
    if (arrays && files.length > 1) toast("Choose one .npz file, or images, but not both.", "bad");
    else (arrays ? useArrays(arrays) : useImages(files)).catch(complain);
  });
  for (const name of CHOICES) {
    $(`image-${name}`).addEventListener("change", () => {
      if (tried) useImages(tried).catch(complain);
    });
  }
  addEventListener("playground-state", ({ detail }) => {
    if (!detail.calibration_name && !reading && window.playground.started) given.images = null;
    if (detail.upload !== last.upload || detail.settings.model !== last.settings?.model) tried = given.images;
    last = detail;
    show();
  });
}
