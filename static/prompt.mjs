// A text for the character models: both continue it in Python's worker; Cancel stops them between two characters.
import { $, keepFocus } from "./dom.mjs";

/**
 * @import { Job } from "./job.mjs"
 * @import { Failure, Running } from "./types/messages"
 * @import { Part } from "./types/page"
 */

/** @param {Part & { job: Job }} part */
export function installPrompt({ client, complain, ready, job }) {
  /** @type {Running<"prompt"> | null} */
  let running = null;
  const idle = $("prompt-hint").textContent;

  async function ask() {
    if (running) return;
    const held = document.activeElement === $("prompt-go");
    $("prompt-go").disabled = true;
    try {
      await ready();
      running = job.follow(client.request("prompt", { text: $("prompt").value }), "Continuing the text");
      $("prompt-cancel").hidden = false;
      const { result } = await running;
      $("prompt-hint").textContent = result.sentence;
    } catch (error) {
      const failure = /** @type {Failure} */ (error);
      $("prompt-hint").textContent = failure.kind === "cancelled" ? "Cancelled." : idle;
      if (failure.kind !== "cancelled") complain(failure);
    } finally {
      running = null;
      $("prompt-go").disabled = false;
      $("prompt-cancel").hidden = true;
      if (held) keepFocus($("prompt-go"));
    }
  }

  client.addEventListener("progress", ({ detail }) => {
    if (running && detail.id === running.id) $("prompt-hint").textContent = detail.message || "Working";
  });
  $("prompt-go").addEventListener("click", ask);
  $("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
  });
  $("prompt-cancel").addEventListener("click", () => {
    if (running)
      client.request("cancel", { target: running.id }).catch(() => {
        /* then it has ended anyway */
      });
  });
  addEventListener("playground-state", ({ detail }) => {
    $("prompting").hidden = !detail.reads_text;
  });
}
