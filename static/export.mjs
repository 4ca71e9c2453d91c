// Quantizing the model with progress and Cancel, and everything that can be kept afterwards.
import { Job } from "./job.mjs";
import { toast } from "./toast.mjs";

const $ = (id) => document.getElementById(id);
const TEXTS = {
  "permalink-text": "This page, with these settings.",
  "snippet-text": "One line puts this tensor, with these settings, into a page of yours.",
};
/** Where the answer stands that was asked for: below the buttons, and on a narrow screen out of sight. */
const ANSWERS = { sensitivity: "slot-model-verdict", mixed: "slot-model-front" };
const UPLOADED = "These settings, on the gallery's first model: the file you opened stays on this machine.";

function download(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function installExport({ client, complain, given, ready }) {
  const job = new Job({ client, complain: complainOrOffer });
  let kept = null;

  /** What can go on without a part of the model is offered to. */
  function complainOrOffer(error) {
    if (error.offer !== "partial") {
      complain(error);
      return;
    }
    const goOn = () =>
      client
        .request("set", { changes: { partial: true } })
        .then(() => work("quantize", works.quantize))
        .catch(complain);
    toast(error.message, "bad", { label: "Quantize the rest", run: goOn });
  }

  /** Work that ends in a quantized model to keep, and shows its results in the Model view. */
  async function work(kind, stage) {
    await ready();
    const answer = await job.run(kind, stage);
    if (answer) {
      const { name, report } = answer.result;
      kept = { bytes: answer.buffers[0], name, report };
      if (kind === "quantize") toast(`Quantized: ${report.summary}`);
      else requestAnimationFrame(() => $(ANSWERS[kind]).closest(".card").scrollIntoView({ block: "nearest" }));
    }
    await refresh();
  }

  /** Follows a recipe file, or no longer any. */
  async function openRecipe(files) {
    await ready();
    const { result } = await client.request("recipe", { files });
    given.recipe = files[0] ?? null;
    toast(result.name ? `${result.name} is followed: ${result.brings}.` : "The recipe file is not followed any more.");
  }

  async function refresh() {
    for (const id of ["save-model", "save-report", "save-page"]) $(id).disabled = !kept;
    $("export-model-text").textContent = kept?.report.summary ?? "Quantize the model first; then the file is here.";
    await ready();
    const { result } = await client.request("export");
    const page = new URL("./", location.href).href;
    const query = new URLSearchParams(result.query);
    query.delete("view");
    const uploaded = query.get("model") === "upload";
    if (uploaded) for (const key of ["model", "tensor"]) query.delete(key); // a file of the visitor's is in no link
    for (const id of ["permalink-text", "snippet-text"]) $(id).textContent = uploaded ? UPLOADED : TEXTS[id];
    $("permalink").textContent = `${page}?${query}`;
    $("snippet").textContent =
      `<iframe src="${page}embed.html?${String(query).replaceAll("&", "&amp;")}" title="Quantization Playground" width="100%" height="620" style="border:0"></iframe>`;
    $("code").textContent = result.python;
  }

  addEventListener("playground-state", ({ detail }) => {
    if (!detail.quantized) kept = null;
    $("recipe-name").textContent = detail.recipe_name || "Open a recipe";
    $("recipe-remove").hidden = !detail.recipe_name;
    if (!detail.recipe_name && window.playground.started) given.recipe = null; // not in a restart, which opens it again
    if (!$("view-export").hidden) refresh().catch(complain);
  });
  const works = { quantize: "Quantizing", sensitivity: "Measuring every layer", mixed: "Trying every width" };
  for (const [kind, stage] of Object.entries(works)) {
    $(kind).addEventListener("click", () => work(kind, stage).catch(complain));
  }
  $("tab-export").addEventListener("click", () => refresh().catch(complain));
  $("recipe").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) await openRecipe([file]).catch(complain);
  });
  $("recipe-remove").addEventListener("click", () => openRecipe([]).catch(complain));
  $("save-model").addEventListener("click", () => download(kept.name, kept.bytes, "application/octet-stream"));
  $("save-report").addEventListener("click", () =>
    download("report.json", JSON.stringify(kept.report, null, 2), "application/json"),
  );
  $("save-page").addEventListener("click", async () => {
    const { result, buffers } = await client.request("report_page");
    download(result.name, buffers[0], "text/html");
  });
  $("save-recipe").addEventListener("click", async () => {
    const { result } = await client.request("export");
    if (result.recipe) download("recipe.json", result.recipe, "application/json");
    else complain(new Error(result.trouble));
  });
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText($(button.dataset.copy).textContent);
      toast("Copied.");
    });
  }
  addEventListener("playground-quantized", ({ detail }) => {
    kept = detail;
    refresh().catch(complain);
  });
}
