// Plots as pictures, and what they show as a table: SVG, PNG and CSV, from a menu in each plot's title.
import { download } from "../download.mjs";
import { make } from "./text.mjs";

/**
 * @import { Figure, PlotView } from "../types/bokeh"
 * @import { Picture } from "../types/picture"
 * @import { Overlay } from "./overlay.mjs"
 * @import { Texts } from "./text.mjs"
 */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Record<string, ArrayLike<number | null>>} Columns */

/** Plot -> the columns of its table, which may differ in length. @type {Record<string, (picture: Picture) => Columns>} */
const TABLES = {
  histogram: ({ edges, counts, codes, levels, levelCounts }) => ({
    from: edges.slice(0, -1),
    to: edges.slice(1),
    count: counts,
    code: codes,
    level: levels,
    values_on_level: levelCounts,
  }),
  error: ({ errorEdges, errorCounts }) => ({
    from: errorEdges.slice(0, -1),
    to: errorEdges.slice(1),
    count: errorCounts,
  }),
  transfer: ({ transfer }) => ({ original: transfer.x, quantized: transfer.y }),
  channels: ({ channelOrder, channelLo, channelHi, channelClip }) => ({
    channel: channelOrder,
    smallest: channelLo,
    largest: channelHi,
    ...(channelClip.length ? { lowest_level: channelClip[0], highest_level: channelClip[1] } : {}),
  }),
};

/**
 * @param {string} plot
 * @param {Picture} picture
 */
export function tableOf(plot, picture) {
  const columns = TABLES[plot](picture);
  const rows = Math.max(...Object.values(columns).map((column) => column.length));
  const lines = Array.from({ length: rows }, (_, i) =>
    Object.values(columns)
      .map((column) => column[i] ?? "")
      .join(","),
  );
  return `${[Object.keys(columns).join(","), ...lines].join("\r\n")}\r\n`;
}

/** An arrow onto a line. */
function arrow() {
  const icon = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  const looks = { viewBox: "0 0 16 16", width: "14", height: "14", fill: "none", stroke: "currentColor" };
  for (const [name, value] of Object.entries({ ...looks, "stroke-width": "1.6", "aria-hidden": "true" }))
    icon.setAttribute(name, value);
  path.setAttribute("d", "M8 2v8M4.5 7 8 10.5 11.5 7M3 13.5h10");
  icon.append(path);
  return icon;
}

/**
 * A menu for each plot, in the shadow root of its title.
 * @param {Texts} texts
 * @param {Overlay} overlay
 * @param {Record<string, Figure>} figures
 * @param {() => Picture | null} current
 */
export function installSaving(texts, overlay, figures, current) {
  for (const [plot, figure] of Object.entries(figures)) {
    const title = texts.title(/** @type {"histogram"} */ (plot));
    const menu = make("details", "save");
    const save = async (/** @type {string} */ kind) => {
      const picture = current();
      if (!picture) return;
      const name = `${picture.settings.tensor} ${plot}.${kind}`.replace(/[^\w.() -]+/g, "_");
      if (kind === "csv") {
        download(name, tableOf(plot, picture), "text/csv");
        return;
      }
      const view = /** @type {PlotView} */ (Bokeh.index.find_one_by_id(figure.id));
      const layer = view.export(/** @type {"svg" | "png"} */ (kind));
      if (plot === "histogram") overlay.draw(layer.ctx);
      download(name, await layer.to_blob(), kind === "svg" ? "image/svg+xml" : "image/png");
    };
    const buttons = ["svg", "png", "csv"].map((kind) => {
      const button = make("button", "", kind.toUpperCase());
      button.addEventListener("click", () => {
        menu.open = false;
        save(kind);
      });
      return button;
    });
    const summary = make("summary");
    summary.append(arrow());
    summary.setAttribute("aria-label", `Save the plot ${plot}`);
    menu.append(summary, make("div", "", ...buttons));
    title?.append(menu);
  }
}
