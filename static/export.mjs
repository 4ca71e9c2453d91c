// Quantizing the model with progress and Cancel, and everything that can be kept afterwards.
import { toast } from "./toast.mjs";

const PATIENCE_MS = 2000;
const $ = (id) => document.getElementById(id);

function download(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const seconds = (left) => (left === null ? "" : left < 1 ? "under a second left" : `about ${Math.ceil(left)} s left`);

export function installExport({ client, complain, given, ready }) {
  let running = null;
  let kept = null;

  async function quantize() {
    await ready();
    $("quantize").disabled = true;
    $("job").hidden = false;
    $("job-bar").value = 0;
    $("job-stage").textContent = "Quantizing";
    $("job-amount").textContent = "";
    running = client.request("quantize");
    try {
      const { result, buffers } = await running;
      kept = { bytes: buffers[0], ...result };
      const { report } = result;
      toast(`Quantized: ${report.summary}`);
    } catch (error) {
      if (error.kind === "cancelled") toast("Cancelled. Nothing was changed.");
      else complain(error);
    } finally {
      running = null;
      $("job").hidden = true;
      $("quantize").disabled = false;
      refresh();
    }
  }

  /** Asks the work to stop between two of its steps; if that takes too long, Python is started anew. */
  function cancel() {
    const job = running;
    if (!job) return;
    client.request("cancel", { target: job.id }).catch(() => { /* then it has ended anyway */ });
    setTimeout(() => {
      if (running === job) client.close("Cancelled in the middle of a long step");
    }, PATIENCE_MS);
  }

  async function refresh() {
    $("save-model").disabled = $("save-report").disabled = !kept;
    $("export-model-text").textContent = kept?.report.summary ?? "Quantize the model first; then the file is here.";
    await ready();
    const { result } = await client.request("export");
    const page = new URL("./", location.href).href;
    const query = new URLSearchParams(result.query);
    query.delete("view");
    $("permalink").textContent = `${page}?${query}`;
    $("snippet").textContent = `<iframe src="${page}embed.html?${String(query).replaceAll("&", "&amp;")}" title="Quantization Playground" width="100%" height="620" style="border:0"></iframe>`;
    $("code").textContent = result.python;
  }

  client.addEventListener("progress", ({ detail }) => {
    if (!running || detail.id !== running.id) return;
    $("job-stage").textContent = detail.message || "Working";
    $("job-bar").value = detail.total ? detail.done / detail.total : 0;
    $("job-amount").textContent = seconds(detail.seconds_left ?? null);
  });
  addEventListener("playground-state", ({ detail }) => {
    if (!detail.quantized) kept = null;
    $("calibration-hint").textContent = detail.calibration ?? "";
    $("calibration-name").textContent = detail.calibration_name || "Choose an .npz";
    if (!$("view-export").hidden) refresh().catch(complain);
  });
  $("quantize").addEventListener("click", () => quantize().catch(complain));
  $("cancel").addEventListener("click", () => cancel());
  $("tab-export").addEventListener("click", () => refresh().catch(complain));
  $("calibration").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    await client.request("calibration", { files: [file] }).then(() => { given.calibration = file; }).catch(complain);
  });
  $("save-model").addEventListener("click", () => download(kept.name, kept.bytes, "application/octet-stream"));
  $("save-report").addEventListener("click", () => download("report.json", JSON.stringify(kept.report, null, 2), "application/json"));
  $("save-recipe").addEventListener("click", async () => {
    const { result } = await client.request("export");
    download("recipe.json", result.recipe, "application/json");
  });
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText($(button.dataset.copy).textContent);
      toast("Copied.");
    });
  }
  addEventListener("playground-quantized", ({ detail }) => { kept = detail; refresh().catch(complain); });
}
