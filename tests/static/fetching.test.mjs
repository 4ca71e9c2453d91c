// Fetching, against a server that answers as it is told.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { Fetching, digestOf } from "../../static/fetching.mjs";
import { Kept } from "../../static/kept.mjs";

/**
 * @import { AddressInfo } from "node:net"
 * @import { PageFile } from "../../static/types/messages"
 */

const CONTENT = Buffer.from("the file as the page was built with".repeat(40));
const integrity = `sha256-${createHash("sha256").update(CONTENT).digest("base64")}`;
/** Path -> what is answered, one after the other; the last for ever. @type {Map<string, (Buffer | number)[]>} */
const answers = new Map();
/** @type {string[]} */
let asked = [];
const server = createServer(({ url = "" }, response) => {
  asked.push(url);
  const list = answers.get(url) ?? [404];
  const answer = list.length > 1 ? list.shift() : list[0];
  if (typeof answer === "number") response.writeHead(answer).end();
  else response.end(answer);
});

before(() => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined))));
after(() => server.close());

/**
 * @param {string} name
 * @param {(Buffer | number)[]} list what the server answers
 * @param {string} when
 * @returns {PageFile}
 */
function file(name, list, when = "page") {
  const { port } = /** @type {AddressInfo} */ (server.address());
  answers.set(`/${name}`, list);
  asked = [];
  const bytes = CONTENT.length;
  const url = `http://127.0.0.1:${port}/${name}`;
  return { name, when, coding: "", url, integrity, content: integrity, bytes, size: bytes, image: 0 };
}

test("a hash as an integrity attribute has it", async () => {
  assert.equal(await digestOf(CONTENT), integrity);
});

test("a file comes checked, with what the list says of it, and is fetched once until it is taken", async () => {
  const fetching = new Fetching([file("sound", [CONTENT])]);
  fetching.begin("page");
  fetching.begin("page");
  const { bytes, ...about } = await fetching.take("sound");
  assert.deepEqual(Buffer.from(bytes), CONTENT);
  assert.deepEqual([about.name, about.size, asked], ["sound", CONTENT.length, ["/sound"]]);
  await fetching.take("sound");
  assert.equal(asked.length, 2);
});

test("only what is needed now is begun", async () => {
  const list = [file("now", [CONTENT]), file("later", [CONTENT], "start")];
  const fetching = new Fetching(list);
  fetching.begin("page");
  await fetching.take("now");
  assert.deepEqual(asked, ["/now"]);
});

const broken = Buffer.from(CONTENT);
broken[7] ^= 1;
for (const [what, wrong] of Object.entries({
  "has another content": broken,
  "is too short": CONTENT.subarray(1),
  "is too long": Buffer.concat([CONTENT, CONTENT]),
})) {
  test(`a file that ${what} is fetched once more, past the caches`, async () => {
    const fetching = new Fetching([file("mended", [wrong, CONTENT])]);
    const { bytes } = await fetching.take("mended");
    assert.deepEqual(Buffer.from(bytes), CONTENT);
    assert.equal(asked.length, 2);
  });
  test(`a file that ${what} twice is refused`, async () => {
    const fetching = new Fetching([file("wrong", [wrong])]);
    await assert.rejects(fetching.take("wrong"), {
      kind: "bad_file",
      message: /^wrong could not be used: .* Reload the page\.$/,
    });
    assert.equal(asked.length, 2);
  });
}

test("what is not there is said at once, with its status", async () => {
  const fetching = new Fetching([file("gone", [404])]);
  await assert.rejects(fetching.take("gone"), {
    kind: "missing",
    message: "gone could not be loaded (HTTP 404). Try again later.",
  });
  assert.equal(asked.length, 1);
});

test("a name that the page has no file of", async () => {
  await assert.rejects(new Fetching([]).take("nothing"), {
    kind: "missing",
    message: "nothing is not a file of this page. Reload the page.",
  });
});

test("progress counts the bytes of all files that are under way", async () => {
  const fetching = new Fetching([file("one", [CONTENT]), file("two", [CONTENT])]);
  /** @type {{ done?: number, total?: number }[]} */
  const told = [];
  fetching.addEventListener("progress", ({ detail }) => told.push(detail));
  fetching.begin("page");
  await Promise.all([fetching.take("one"), fetching.take("two")]);
  assert.deepEqual(told.at(-1), { done: 2 * CONTENT.length, total: 2 * CONTENT.length });
});

test("where there is no storage nothing was kept", async () => {
  const kept = new Kept();
  assert.equal(await kept.some(), false);
  assert.equal(await kept.read(file("sound", [CONTENT])), null);
});
