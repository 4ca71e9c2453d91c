// The page's `default` policy for Trusted Types: what Bokeh, Panel and Material write as HTML is sanitised on its way into
// the document, script addresses are the few of this page, and text becomes a script nowhere. Python is not trusted: what
// it sends is made of files that strangers wrote, and its worker may be in their hands.
import DOMPurify from "dompurify";
import { isPlainStyle } from "./styling.mjs";

const MOST_KEPT = 500;
const LONGEST_KEPT = 2000;
/** What playground/render/html.py and the tables write. There is no link, picture, form, frame, style or SVG in it. */
const ALLOWED = {
  ALLOWED_TAGS:
    `b i em strong small sub sup code pre kbd var mark del ins abbr p br hr div span dl dt dd ul ol li table caption
    colgroup col thead tbody tfoot tr td th h1 h2 h3 h4 h5 h6 blockquote details summary figure figcaption #text`.split(
      /\s+/,
    ),
  ALLOWED_ATTR: "class style id title tabindex role colspan rowspan scope open dir lang disabled".split(" "),
  ALLOW_DATA_ATTR: true,
  ALLOW_ARIA_ATTR: true,
  RETURN_TRUSTED_TYPE: false,
};

/** Addresses that a script may have: workers only, since scripts stand in the page's own text. */
const scripts = new Set([new URL("sw.js", document.baseURI).href]);
const documents = new Set(["<style type='text/css' rel='stylesheet' />"]); // the table's, which it fills by other means
const sanitised = new Map();

/**
 * Lets an address of ours be a worker's.
 * @param {string | URL} address
 */
export function trustScript(address) {
  scripts.add(String(address));
  return String(address);
}

/**
 * Lets a text be a document as it is: that of the hidden frame.
 * @param {string} text
 */
export function trustFrame(text) {
  documents.add(text);
  return text;
}

/** Of a report that is saved as a page: its plots too, and its style sheet. Nothing in it leads anywhere or is fetched. */
const REPORT = {
  USE_PROFILES: { html: true, svg: true },
  FORBID_TAGS:
    "a area audio button form image img input label map marker menu picture select source textarea track use video".split(
      " ",
    ),
  FORBID_ATTR: "action background cite formaction href ping poster src srcset xlink:href".split(" "),
  WHOLE_DOCUMENT: true,
  RETURN_TRUSTED_TYPE: false,
};
const SAVED_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";
const PAINTS = new Set(["fill", "stroke", "filter", "mask", "clip-path", "cursor"]);

DOMPurify.addHook("uponSanitizeAttribute", (_, data) => {
  const styling = data.attrName === "style" || PAINTS.has(data.attrName);
  if (styling && !isPlainStyle(data.attrValue)) data.keepAttr = false;
});
DOMPurify.addHook("uponSanitizeElement", (node, { tagName }) => {
  if (tagName === "style" && !isPlainStyle(node.textContent ?? "")) node.textContent = "";
});

/**
 * A report as a page to keep: what Python wrote, without anything that could run, lead elsewhere or be fetched when it is
 * opened from a disk, where no policy of ours holds but the one that is put into it.
 * @param {string} html
 */
export function sanitiseReport(html) {
  const clean = DOMPurify.sanitize(html, REPORT);
  const metas = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${SAVED_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">`;
  return `<!doctype html>\n${clean.replace("<head>", `<head>${metas}`)}\n`;
}

/**
 * The harmless part of some HTML. Tables and plots write the same few texts again and again.
 * @param {string} html
 */
export function sanitise(html) {
  if (html === "" || !/[<&]/.test(html)) return html;
  const known = sanitised.get(html);
  if (known !== undefined) return known;
  const clean = DOMPurify.sanitize(html, ALLOWED);
  if (html.length <= LONGEST_KEPT) {
    if (sanitised.size >= MOST_KEPT) sanitised.clear();
    sanitised.set(html, clean);
  }
  return clean;
}

/** Where the browser has no Trusted Types: the sinks that are used here, by hand. */
function replaceSinks() {
  for (const prototype of [Element.prototype, ShadowRoot.prototype]) {
    const { get, set } = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(prototype, "innerHTML"));
    Object.defineProperty(prototype, "innerHTML", {
      configurable: true,
      enumerable: true,
      get,
      set(html) {
        set?.call(this, sanitise(String(html ?? "")));
      },
    });
  }
  const { insertAdjacentHTML } = Element.prototype;
  Element.prototype.insertAdjacentHTML = function (where, html) {
    insertAdjacentHTML.call(this, where, sanitise(String(html)));
  };
  const { parseFromString } = DOMParser.prototype;
  let within = false; // the sanitiser parses too
  DOMParser.prototype.parseFromString = function (html, type) {
    if (within || type !== "text/html") return parseFromString.call(this, html, type);
    within = true;
    try {
      return parseFromString.call(this, sanitise(String(html)), type);
    } finally {
      within = false;
    }
  };
}

if (window.trustedTypes)
  window.trustedTypes.createPolicy("default", {
    createHTML: (/** @type {string} */ html) => (documents.has(html) ? html : sanitise(html)),
    createScriptURL: (/** @type {string} */ address) => (scripts.has(address) ? address : null),
  });
else replaceSinks();
