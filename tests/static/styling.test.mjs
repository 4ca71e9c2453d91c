// Which CSS may come from Python: what only changes how things look.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlainStyle } from "../../static/styling.mjs";

for (const css of [
  "",
  "width: 12.5%",
  "background:var(--quant);flex:0.4",
  ":host(.x):before { width: calc(min(40px, 300px)); transform: translateX(-50%) }",
  "@media (max-width: 40em) { p { color: rgb(1 2 3 / 50%) } } @keyframes turn { to { rotate: 1turn } }",
  "/* url(in a comment) */ p { grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)) }",
])
  test(`plain: ${css}`, () => assert.equal(isPlainStyle(css), true));

for (const css of [
  "background: url(/leak)",
  "background: URL('/leak')",
  "background: u\\72l(/leak)",
  "background: image-set('/leak' 1x)",
  "background: -webkit-image-set('/leak' 1x)",
  "--x: url(/leak)",
  "background: ur/**/l(/leak)/* */; cursor: url(/leak)",
  "@import '/leak';",
  "@font-face { font-family: x; src: url(/leak) }",
  "@namespace 'x';",
  "width: expression(alert(1))",
  "background: some-new-function(/leak)",
  "p { color: red } /* not closed",
])
  test(`not plain: ${css}`, () => assert.equal(isPlainStyle(css), false));
