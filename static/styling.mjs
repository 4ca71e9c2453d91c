// Which CSS only changes how things look. A style sheet can ask a host for a picture or a font, and so tell it something.

/** Functions that name no address. What a browser does not know yet is not among them. */
const HARMLESS = new Set(
  `var calc min max clamp rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark repeat minmax fit-content
  translate translatex translatey translatez translate3d scale scalex scaley rotate rotatex rotatey rotatez skew skewx skewy
  matrix matrix3d perspective linear-gradient radial-gradient conic-gradient repeating-linear-gradient cubic-bezier steps
  blur brightness contrast drop-shadow grayscale opacity saturate invert inset circle ellipse polygon
  not is where has host host-context slotted nth-child nth-of-type nth-last-child part lang dir env`.split(/\s+/),
);
const RULES = new Set(["media", "supports", "keyframes", "layer", "container"]);

/**
 * Whether some CSS asks for nothing: no address in it, no other style sheet, no escapes that could hide them.
 * @param {string} css declarations or rules
 */
export function isPlainStyle(css) {
  if (css.includes("\\")) return false;
  const text = css.replace(/\/\*[\s\S]*?\*\//g, " ").toLowerCase();
  if (text.includes("/*")) return false;
  for (const [, name] of text.matchAll(/([\w-]*)\(/g)) if (name && !HARMLESS.has(name)) return false;
  return [...text.matchAll(/@([\w-]*)/g)].every(([, name]) => RULES.has(name));
}
