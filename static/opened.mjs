// The card about a file that has been opened: what it is, what can be done with it, and that it is kept for a reload.
import { $ } from "./dom.mjs";

/**
 * @import { Uploads } from "./uploads.mjs"
 * @import { Answer } from "./types/messages"
 */

const UNKEPT = "It is not kept for a reload of this page.";

/**
 * @param {object} parts
 * @param {Uploads} parts.uploads
 * @param {(view: string) => Promise<void>} parts.select
 */
export function installOpened({ uploads, select }) {
  const close = () => {
    $("opened").hidden = true;
  };
  $("opened-close").addEventListener("click", close);
  $("opened-quantize").addEventListener("click", async () => {
    await select("model");
    $("quantize").focus({ preventScroll: true }); // from there the work has the keyboard's place (job.mjs)
    $("quantize").click();
    close();
  });
  $("opened-look").addEventListener("click", () => {
    close();
    select("tensor");
  });
  $("opened-calibration").addEventListener("click", () => {
    $("calibration").click(); // first: the browser opens its chooser only right after a click
    select("model");
  });
  for (const id of /** @type {const} */ (["forget", "forget-file"]))
    $(id).addEventListener("click", () => uploads.forget());
  let runs = true;
  addEventListener("playground-state", ({ detail }) => {
    runs = detail.runs;
    if (detail.settings.model !== "upload" || detail.quantized) close();
  });

  /** What is told about the copy. */
  function showKept() {
    const { until } = uploads;
    const when = until?.toLocaleString([], { weekday: "long", hour: "2-digit", minute: "2-digit" });
    $("opened-kept").textContent = until ? `Kept in this browser until ${when}, for a reload of this tab.` : UNKEPT;
    $("forget").hidden = $("kept-file").hidden = !until;
    $("kept-text").textContent = `The opened file is kept in this browser until ${when}, for a reload of this tab.`;
  }

  /** @param {Answer<"load">["result"]} result */
  function show({ name, tensors, summary }) {
    const count = `${tensors.length} tensor${tensors.length === 1 ? "" : "s"}`;
    $("opened-name").textContent = name;
    $("opened-about").textContent = `${count}, ${summary}.`;
    $("opened-calibration").hidden = !runs;
    $("opened").hidden = false;
    // a user who opened it by key goes on from the card: the next stop is its first button
    if (document.activeElement === $("open")) $("opened").focus({ preventScroll: true });
    showKept();
    dispatchEvent(new Event("playground-opened"));
  }

  return { show, showKept };
}
