// Quantizing the model with progress and Cancel, and everything that can be kept afterwards.
import { download } from "./download.mjs";
import { toast } from "./toast.mjs";
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
const UPLOADED = "These settings, with the gallery's first model: the file you opened stays on this machine.";

/** Work -> what is said of it while it runs. */
const WORKS = {
  quantize: "Quantizing",
  sensitivity: "Measuring every layer",
  mixed: "Trying every width",
  improve: "Trying what helps",
  curve: "Calibrating on more and more samples",
};

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
    toast(error.message, "bad", { label: "Quantize the rest", run: goOn });
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
      if (report.refused) toast(report.refused, "bad");
      else if (kind === "quantize") toast(`Quantized: ${report.summary}`);
      else requestAnimationFrame(() => $(ANSWERS[kind]).closest(".card")?.scrollIntoView({ block: "nearest" }));
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

  async function refresh() {
    await ready();
    const { result } = await client.request("export");
    const { file } = result;
    for (const button of [$("save-model"), $("save-report")]) button.disabled = !file;
    $("save-page").disabled = !file?.page || file.before;
    const told = file?.before ? `Made before the last change of the settings. ${file.summary}` : file?.summary;
    $("export-model-text").textContent = file?.refused || told || "Quantize the model first; then the file is here.";
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

  /** The tool whose script is shown. */
  let tool = /** @type {keyof typeof CODE} */ ("playground");
  const tools = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-tool]"));

  /**
   * The script of the chosen tool, or why there is none.
   * @param {import("./types/messages").Requests["export"]["result"]} told
   */
  function showCode({ scripts, python }) {
    for (const button of tools) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    const script = scripts.find(({ id }) => id === tool);
    const own = script ? `# The model, as it was quantized\n${script.code}\n\n# The tensor of the Tensor view\n` : "";
    const code = tool === "playground" ? own + python : (script?.code ?? "");
    const missing = script
      ? `No script for ${script.name} makes the same: ${script.reason}.`
      : "Quantize the model first.";
    $("code-text").textContent = code ? CODE[tool] : missing;
    $("code-box").hidden = !code;
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
    if (!$("view-export").hidden) refresh().catch(complain);
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
