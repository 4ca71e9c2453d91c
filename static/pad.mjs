// The drawing pad: 8 by 8 grey cells, painted with a soft brush, by pointer or by keyboard.
import { $, filesOf, whileDisabled } from "./dom.mjs";
import { sendImages } from "./images.mjs";
import { toast } from "./toast.mjs";

/**
 * @import { Job } from "./job.mjs"
 * @import { Failure, Requests } from "./types/messages"
 * @import { Part } from "./types/page"
 */

/** @typedef {Requests["sample"]["content"]} Input the cells' greys, or a sample's index */

const CELLS = 8;
const DIGITS_HINT = "Or take one of the 360 digits that the model was not trained on.";
/** While nothing is drawn there is nothing to answer. */
const EMPTY_HINT = "Draw a digit here, or take one of the 360 digits.";
const OTHER_HINT = "Choose an input for both models. How much their outputs differ is shown here.";

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {Part & { job: Job }} part */
export function installPad({ client, complain, ready, job }) {
  const pad = $("pad");
  const context = /** @type {CanvasRenderingContext2D} */ (pad.getContext("2d"));
  const cells = new Float32Array(CELLS * CELLS);
  let cursor = [3, 3];
  let sample = 0;
  let empty = false; // whether the pad was cleared and nothing was drawn since
  let clears = 0;
  let painting = false;
  let byKey = false; // whether the keyboard's place is shown
  let busy = false;
  /** @type {Input | null} */
  let wanted = null;
  /** @type {Input | null} */
  let shown = null; // the input that was last answered
  let digits = true; // whether the open model reads digits; another one gets its input from a file
  let answered = false; // whether the answers on screen are the open model's, with its present recipe
  let changes = 0;
  let chosen = 0; // images that were chosen to run on: how often
  /** @type {string | null} */
  let open = "";

  function draw() {
    const size = pad.width / CELLS;
    const style = getComputedStyle(document.documentElement);
    context.fillStyle = style.getPropertyValue("--ground");
    context.fillRect(0, 0, pad.width, pad.height);
    context.fillStyle = style.getPropertyValue("--text");
    cells.forEach((value, i) => {
      context.globalAlpha = value;
      context.fillRect((i % CELLS) * size, Math.floor(i / CELLS) * size, size, size);
    });
    context.globalAlpha = 1;
    if (byKey && document.activeElement === pad) {
      context.strokeStyle = style.getPropertyValue("--accent");
      context.lineWidth = 3;
      context.strokeRect(cursor[0] * size + 1.5, cursor[1] * size + 1.5, size - 3, size - 3);
    }
  }

  /**
   * While the pad is empty there are no answers to show.
   * @param {boolean} is
   */
  function showEmpty(is) {
    empty = is;
    $("slot-run-answers").classList.toggle("unasked", is);
    $("answers-none").hidden = !is;
  }

  /**
   * @param {number} x in cells
   * @param {number} y
   */
  function paint(x, y) {
    for (let row = 0; row < CELLS; row += 1) {
      for (let column = 0; column < CELLS; column += 1) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const i = row * CELLS + column;
        cells[i] = Math.min(1, Math.max(cells[i], 1.15 - distance));
      }
    }
    draw();
    ask({ pixels: [...cells] });
  }

  /**
   * Asks for the answers to an input; while one is under way only the newest is kept.
   * @param {Input} content
   */
  async function ask(content) {
    wanted = content;
    empty = false;
    if (busy) return;
    busy = true;
    const begun = changes;
    try {
      await ready();
      while (wanted) {
        const now = /** @type {Input} */ (wanted);
        wanted = null;
        const cleared = clears;
        const { result } = await job.follow(client.request("sample", now), "Running both models");
        if (clears !== cleared) continue; // what was asked is no longer there
        shown = now;
        showEmpty(false);
        if (now.index !== undefined && !wanted && !painting) {
          cells.set(result.pixels);
          draw();
        }
        $("pad-hint").textContent = result.sentence;
      }
    } catch (error) {
      complain(/** @type {Failure} */ (error));
    } finally {
      busy = false;
      answered = changes === begun;
      answerAgain();
    }
  }

  /**
   * @param {PointerEvent} event
   * @returns {[number, number]} where it is, in cells
   */
  const at = (event) => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * CELLS, ((event.clientY - box.top) / box.height) * CELLS];
  };
  pad.addEventListener("pointerdown", (event) => {
    painting = true;
    byKey = false;
    pad.setPointerCapture(event.pointerId);
    paint(...at(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (painting) paint(...at(event));
  });
  pad.addEventListener("pointerup", () => {
    painting = false;
  });
  pad.addEventListener("pointercancel", () => {
    painting = false;
  });
  pad.addEventListener("keydown", (event) => {
    byKey = true;
    const step = STEPS[event.key];
    if (step) cursor = cursor.map((value, i) => Math.min(CELLS - 1, Math.max(0, value + step[i])));
    else if (event.key === " ") paint(cursor[0] + 0.5, cursor[1] + 0.5);
    else return;
    event.preventDefault();
    draw();
  });
  pad.addEventListener("focus", () => {
    byKey = pad.matches(":focus-visible");
    draw();
  });
  pad.addEventListener("blur", draw);
  $("pad-clear").addEventListener("click", () => {
    cells.fill(0);
    draw();
    wanted = shown = null;
    clears += 1;
    showEmpty(true);
    $("pad-hint").textContent = EMPTY_HINT;
  });
  $("pad-next").addEventListener("click", () => {
    ask({ index: sample });
    sample += 1;
  });
  $("theme")?.addEventListener("click", draw);
  /** Another model or recipe has no answer yet: asks for one to what is on the pad, or to the first sample. */
  function answerAgain() {
    if (!digits || answered || busy || empty || $("view-run").hidden) return;
    if (shown) ask(shown);
    else $("pad-next").click();
  }

  addEventListener("playground-state", ({ detail }) => {
    digits = detail.samples === "digits";
    answered = detail.answered;
    if (!answered) changes += 1;
    $("made-up").hidden = detail.settings.model !== "upload";
    for (const id of /** @type {const} */ (["race", "made-up", "input-file"])) $(id).disabled = !detail.runs;
    if (detail.unmeasured) $("race").disabled = true;
    $("race").title = detail.unmeasured;
    $("input-label").classList.toggle("off", !detail.runs);
    for (const part of document.querySelectorAll(".digits")) part.toggleAttribute("hidden", !digits);
    if (detail.model !== open) showEmpty(false);
    if (detail.model !== open) $("pad-hint").textContent = digits ? DIGITS_HINT : OTHER_HINT;
    open = detail.model;
    answerAgain();
  });
  addEventListener("playground-view", answerAgain);

  $("race").addEventListener("click", () => {
    whileDisabled($("race"), async () => {
      await ready();
      await job.follow(client.request("race"), "Comparing the engines");
    }).catch(complain);
  });
  /** @param {Requests["run"]["content"]} content what to run on */
  const runOn = (content) =>
    whileDisabled($("made-up"), async () => {
      await ready();
      const { result } = await job.follow(client.request("run", content), "Running both models");
      $("pad-hint").textContent = result.sentence;
    }).catch(complain);
  /** @param {File[]} files */
  async function runOnImages(files) {
    const mine = ++chosen;
    const wanted = () => mine === chosen;
    const tell = (/** @type {string} */ stage) => {
      $("pad-hint").textContent = `${stage}.`;
    };
    try {
      await ready();
      if (await sendImages(client, files, { purpose: "run", wanted, tell })) await runOn({ images: true });
    } catch (error) {
      $("pad-hint").textContent = OTHER_HINT;
      complain(/** @type {Failure} */ (error));
    }
  }
  const input = $("input-file");
  input.addEventListener("change", () => {
    const files = filesOf(input);
    if (!files.length) return;
    const arrays = files.filter((file) => file.name.endsWith(".npz"));
    if (arrays.length && files.length > 1) toast("Choose one .npz file, or images, but not both.", "bad");
    else if (arrays.length) runOn({ files: arrays });
    else runOnImages(files);
  });
  $("made-up").addEventListener("click", () => runOn({ made_up: true }));
  draw();
  return {
    /** @param {number} index of the sample that both models run on */
    load: (index) => {
      if (digits) {
        ask({ index });
        $("pad").scrollIntoView({ block: "nearest" });
      } else runOn({ sample: index });
    },
  };
}
