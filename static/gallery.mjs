// The gallery's picker: a list of models, any of which is fetched and opened when it is chosen.
import { toast } from "./toast.mjs";
import { $, whileDisabled } from "./dom.mjs";

/**
 * @import { GalleryEntry } from "./types/messages"
 * @import { Part } from "./types/page"
 */

/** @param {Part & { opened: () => void }} part `opened` is called when a model has been opened */
export function installGallery({ client, complain, ready, opened }) {
  const picker = $("gallery");
  /** @type {GalleryEntry[]} */
  let models = [];
  let current = "";

  /** The closed picker names what is open; an opened file is none of the gallery's. */
  function show() {
    picker.value = models.some(({ id }) => id === current) ? current : "";
  }

  async function fill() {
    await ready();
    const { result } = await client.request("gallery");
    models = result;
    picker.replaceChildren(picker.options[0], ...models.map(({ id, title }) => new Option(title, id)));
    picker.disabled = false;
    show();
  }

  /** @param {string} id */
  async function choose(id) {
    const chosen = models.find((model) => model.id === id);
    if (!chosen || id === current) return;
    await whileDisabled(picker, async () => {
      await ready();
      await client.request("set", { changes: { model: id } });
      opened();
      toast([chosen.about, chosen.made].filter(Boolean).join(" "));
    }).finally(show);
  }

  picker.addEventListener("change", () => choose(picker.value).catch(complain));
  addEventListener("playground-state", ({ detail }) => {
    current = detail.settings.model;
    show();
  });
  addEventListener("playground-booted", () => {
    if (!models.length) fill().catch(complain);
  });
}
