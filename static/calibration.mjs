// Calibration data that the visitor chooses: an .npz goes to Python as it is, images are decoded first.
import { toast } from "./toast.mjs";
import { $, filesOf } from "./dom.mjs";
import { followChoices, sendImages } from "./images.mjs";

/**
 * @import { State } from "./types/messages"
 * @import { Given, Part } from "./types/page"
 */

/**
 * @param {Part & { given: Given }} part
 * @returns what files that are dropped are given to
 */
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
    $("images").hidden = !given.images && !tried && !("asked" in $("images").dataset);
    const made = last.runs === true && last.measurable === false;
    for (const part of document.querySelectorAll("[data-measures]")) part.toggleAttribute("hidden", made);
    for (const part of document.querySelectorAll("[data-unmeasured]")) part.toggleAttribute("hidden", !made);
    $("calibration").disabled = last.runs === false;
    $("calibration-label").classList.toggle("off", last.runs === false);
  }

  /** @param {File[]} files */
  async function useImages(files) {
    const mine = ++newest;
    tried = files;
    const wanted = () => mine === newest;
    const tell = (/** @type {string} */ stage) => {
      reading = stage;
      show();
    };
    try {
      await ready();
      if (await sendImages(client, files, { purpose: "calibration", wanted, tell }))
        Object.assign(given, { calibration: null, images: files });
    } finally {
      if (wanted()) reading = "";
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
  const use = (/** @type {File[]} */ files) => {
    const arrays = files.find((file) => file.name.endsWith(".npz"));
    if (arrays && files.length > 1) toast("Choose one .npz file, or images, but not both.", "bad");
    else if (files.length) (arrays ? useArrays(arrays) : useImages(files)).catch(complain);
  };
  input.addEventListener("change", () => use(filesOf(input)));
  followChoices(() => {
    if (tried) useImages(tried).catch(complain);
  });
  for (const link of document.querySelectorAll("[data-unmeasured] > .link"))
    link.addEventListener("click", () => input.click());
  addEventListener("playground-state", ({ detail }) => {
    if (!detail.calibration_name && !reading && window.playground.started) given.images = null;
    if (detail.upload !== last.upload || detail.settings.model !== last.settings?.model) {
      tried = given.images;
      delete $("images").dataset.asked;
    }
    last = detail;
    show();
  });
  return use;
}
