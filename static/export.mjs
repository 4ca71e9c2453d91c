// Quantizing the model with progress and Cancel, and everything that can be kept afterwards.
import { download } from "./download.mjs";
import { failed, toast } from "./toast.mjs";
import { $, filesOf, keepFocus } from "./dom.mjs";

/**
 * @import { Job, Work } from "./job.mjs"
 * @import { Failure } from "./types/messages"
 * @import { Given, Part } from "./types/page"
 */

const PERMALINK = "A link to this page with these settings.";
const SNIPPET = "One line of HTML shows this tensor, with these settings, in your own page.";
/** Where the requested text is shown: below the buttons, and on a narrow screen out of sight. */
const ANSWERS = /** @type {const} */ ({
  sensitivity: "slot-model-verdict",
  mixed: "slot-model-front",
  improve: "slot-model-remedies",
  curve: "slot-model-samples",
});
/** What the Python does, by the tool that it uses. */
const CODE = {
  playground: "Python code that computes the same numbers.",
  onnxruntime: "A script that makes the same codes with onnxruntime.quantization.",
  torch: "A script that makes the same codes with PyTorch.",
};
const UNQUANTIZED = "Quantize the model first; then there are scripts for ONNX Runtime and PyTorch.";
/** Of the screen's height what bars at its top and foot cover at most, in pixels. */
const HIDDEN = 180;
/** And that at its top. */
const TOP = 60;
const UPLOADED = "These settings, with the gallery's first model: the file you opened stays on this machine.";

/** Work -> what is said of it while it runs. */
const WORKS = {
  quantize: "Quantizing",
  sensitivity: "Measuring every layer",
  mixed: "Trying every width",
  improve: "Trying what helps",
  curve: "Calibrating on more and more samples",
};

/**
 * The script that a tool has; empty: none.
 * @param {{ id: string, code: string }[]} scripts
 * @param {string | undefined} tool
 */
const codeOf = (scripts, tool) => scripts.find(({ id }) => id === tool)?.code ?? "";

/**
 * Scrolls as little as shows a card, or its beginning where it is higher than the screen.
 * @param {Element | null} card
 */
function bringIntoView(card) {
  if (!card) return;
  const { top, height } = card.getBoundingClientRect();
  const high = top < TOP || height > innerHeight - HIDDEN;
  card.scrollIntoView({ block: high ? "start" : "nearest" });
}

const NOTHING = "Quantize the model first; then the file is here.";

/** @param {Part & { given: Given, job: Job }} part */
export function installExport({ client, complain, given, ready, job }) {
  /**
   * What can go on without a part of the model is offered to.
   * @param {Failure} error
   */
  function complainOrOffer(error) {
    if (error.offer !== "partial") {
      complain(error);
      return;
    }
    const goOn = () =>
      client
        .request("set", { changes: { partial: true } })
        .then(() => work("quantize"))
        .catch(complain);
    failed(error.message, error.about, { label: "Quantize the rest", run: goOn });
  }

  /**
   * Work that ends in a quantized model to keep, and shows its results in the Model view.
   * @param {Work} kind
   */
  async function work(kind) {
    await ready();
    const answer = await job.run(kind, WORKS[kind], complainOrOffer);
    if (answer) {
      const { report } = answer.result;
      if (report.refused) failed(report.refused, kind);
      else if (kind === "quantize") toast(`Quantized: ${report.summary}`);
      else requestAnimationFrame(() => bringIntoView($(ANSWERS[kind]).closest(".card")));
    }
    await refresh();
  }

  /**
   * Follows a recipe file, or no longer any.
   * @param {File[]} files
   */
  async function openRecipe(files) {
    await ready();
    const { result } = await client.request("recipe", { files });
    given.recipe = files[0] ?? null;
    toast(
      result.name ? `The recipe ${result.name} is in use: ${result.brings}.` : "The recipe file is no longer in use.",
    );
  }

  /** There is no quantized model to keep. */
  function offerNothing() {
    for (const button of [$("save-model"), $("save-report"), $("save-page")]) button.disabled = true;
    $("export-model-text").textContent = NOTHING;
    $("export-model-text").classList.remove("failure");
  }

  async function refresh() {
    await ready();
    const { result } = await client.request("export");
    const { file } = result;
    for (const button of [$("save-model"), $("save-report")]) button.disabled = !file;
    $("save-page").disabled = !file?.page || file.before;
    const told = file?.before ? `Made before the last change of the settings. ${file.summary}` : file?.summary;
    $("export-model-text").textContent = file?.refused || told || NOTHING;
    $("export-model-text").classList.toggle("failure", Boolean(file?.refused));
    $("save-model").textContent = file?.refused
      ? "Download all the same"
      : `Download .${file?.name.split(".").pop() ?? "onnx"}`;
    const page = new URL("./", location.href).href;
    const query = new URLSearchParams(result.query);
    query.delete("view");
    const uploaded = query.get("model") === "upload";
    if (uploaded) for (const key of ["model", "tensor"]) query.delete(key); // a file of the visitor's is in no link
    $("permalink-text").textContent = uploaded ? UPLOADED : PERMALINK;
    $("snippet-text").textContent = uploaded ? UPLOADED : SNIPPET;
    $("permalink").textContent = `${page}?${query}`;
    $("snippet").textContent =
      `<iframe src="${page}embed.html?${String(query).replaceAll("&", "&amp;")}" title="Quantization Playground" width="100%" height="620" style="border:0"></iframe>`;
    showCode(result);
  }

  /** Whether there was a quantized model to keep. */
  let wasThere = false;

  /** The tool whose script is shown. */
  let tool = /** @type {keyof typeof CODE} */ ("playground");
  const tools = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-tool]"));

  /**
   * Which tools have a script; of the others their buttons are disabled, and it is said why.
   * @param {import("./types/messages").Requests["export"]["result"]["scripts"]} scripts
   */
  function showTools(scripts) {
    const lacking = [...tools].filter(({ dataset: { tool: id } }) => id !== "playground" && !codeOf(scripts, id));
    if (lacking.some(({ dataset }) => dataset.tool === tool)) tool = "playground";
    const held = lacking.includes(/** @type {HTMLButtonElement} */ (document.activeElement));
    for (const button of tools) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
      button.disabled = lacking.includes(button);
    }
    if (held) tools[0].focus({ preventScroll: true });
    const reasons = scripts
      .filter(({ code }) => !code)
      .map(({ name, reason }) => `No script for ${name} makes the same: ${reason}.`);
    $("code-missing").textContent = scripts.length ? reasons.join(" ") : UNQUANTIZED;
    $("code-missing").hidden = scripts.length > 0 && !reasons.length;
  }

  /**
   * The script of the chosen tool.
   * @param {import("./types/messages").Requests["export"]["result"]} told
   */
  function showCode({ scripts, python }) {
    showTools(scripts);
    const script = scripts.find(({ id }) => id === tool);
    const own = script ? `# The model, as it was quantized\n${script.code}\n\n# The tensor of the Tensor view\n` : "";
    const code = tool === "playground" ? own + python : (script?.code ?? "");
    $("code-text").textContent = CODE[tool];
    $("code").textContent = code;
  }
  for (const button of tools) {
    button.addEventListener("click", () => {
      tool = /** @type {keyof typeof CODE} */ (button.dataset.tool);
      refresh().catch(complain);
    });
  }

  addEventListener("playground-state", ({ detail }) => {
    $("recipe-name").textContent = detail.recipe_name || "Open a recipe";
    $("recipe-remove").hidden = !detail.recipe_name;
    if (!detail.recipe_name && window.playground.started) given.recipe = null; // not in a restart, which opens it again
    const isThere = detail.quantized || detail.before;
    if (!isThere) offerNothing(); // Python, which has the file, may be busy when the view is opened
    // The button is pressed from other views, too
    if (isThere !== wasThere || !$("view-export").hidden) refresh().catch(complain);
    wasThere = isThere;
  });
  for (const kind of /** @type {Work[]} */ (Object.keys(WORKS))) {
    $(kind).addEventListener("click", () => work(kind).catch(complain));
  }
  addEventListener("playground-view", () => {
    if (!$("view-export").hidden) refresh().catch(complain);
  });
  const input = $("recipe");
  input.addEventListener("change", async () => {
    const [file] = filesOf(input);
    if (file) await openRecipe([file]).catch(complain);
  });
  $("recipe-remove").addEventListener("click", () =>
    openRecipe([])
      .then(() => keepFocus(input))
      .catch(complain),
  );
  const savers = {
    "save-model": async () => {
      const { result, buffers } = await client.request("file");
      download(result.name, buffers[0], "application/octet-stream");
    },
    "save-report": async () => {
      const { result } = await client.request("file");
      download("report.json", JSON.stringify(result.report, null, 2), "application/json");
    },
    "save-page": async () => {
      const { result, buffers } = await client.request("report_page");
      const report = window.playgroundStart.sanitiseReport(new TextDecoder().decode(buffers[0]));
      download(result.name, report, "text/html");
    },
    "save-code": async () => download(`quantize_${tool}.py`, `${$("code").textContent}\n`, "text/x-python"),
    "save-recipe": async () => {
      const { result } = await client.request("export");
      if (result.recipe) download("recipe.json", result.recipe, "application/json");
      else complain(new Error(result.obstacle));
    },
  };
  for (const [id, save] of Object.entries(savers)) {
    document.getElementById(id)?.addEventListener("click", () => save().catch(complain));
  }
  const copying = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-copy]"));
  for (const button of copying) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy ?? "")?.textContent ?? "");
      toast("Copied.");
    });
  }
  addEventListener("playground-quantized", () => refresh().catch(complain));
}
