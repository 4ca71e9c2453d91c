// How Python's worker gets its files, through a port at which the test answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Files } from "../../static/engine/files.mjs";

/** @import { FetchedFile } from "../../static/types/messages" */

/**
 * Files, and what serves them: `give` says what becomes of a name.
 * @param {(name: string) => Omit<FetchedFile, "name">} give
 */
function connected(give) {
  const { port1, port2 } = new MessageChannel();
  /** @type {string[]} */
  const asked = [];
  port1.onmessage = ({ data: name }) => {
    asked.push(name);
    port1.postMessage({ name, ...give(name) });
  };
  const files = new Files();
  files.connect(port2);
  return { files, asked, close: () => port1.close() };
}

const content = () => Uint8Array.of(1, 2, 3);

test("a file is requested once for all who wait, and again for a later request", async () => {
  const { files, asked, close } = connected(() => ({ bytes: content().buffer }));
  const [one, other] = await Promise.all([files.get("a"), files.get("a")]);
  assert.equal(one, other);
  assert.deepEqual([...one], [1, 2, 3]);
  assert.deepEqual(asked, ["a"]);
  await files.get("a");
  assert.deepEqual(asked, ["a", "a"]);
  close();
});

test("why a file cannot be had comes with its kind", async () => {
  const { files, close } = connected(() => ({ error: { kind: "missing", message: "it is gone" } }));
  await assert.rejects(files.get("a"), { kind: "missing", message: "it is gone" });
  close();
});

test("fetch serves what it may by the last part of the address, and nothing else", async () => {
  const { files, asked, close } = connected(() => ({ bytes: content().buffer }));
  const fetch = files.fetch(["python.wasm", "stdlib.zip"]);
  const wasm = await fetch("https://engine.invalid/python.wasm");
  assert.equal(wasm.headers.get("content-type"), "application/wasm");
  assert.deepEqual(new Uint8Array(await wasm.arrayBuffer()), content());
  const zip = await fetch(new Request("https://engine.invalid/stdlib.zip"));
  assert.equal(zip.headers.get("content-type"), "application/octet-stream");
  for (const address of [
    "https://example.org/",
    "https://engine.invalid/notpython.wasm",
    "https://engine.invalid/a.zip",
  ]) {
    await assert.rejects(fetch(address), /no network/, address);
  }
  assert.deepEqual(asked, ["python.wasm", "stdlib.zip"]);
  close();
});

test("nothing is needed that Python's worker lacks", async () => {
  const { Request, fetch } = globalThis;
  const { files, close } = connected(() => ({ bytes: content().buffer }));
  Object.assign(globalThis, { Request: undefined, fetch: undefined });
  try {
    const response = await files.fetch(["stdlib.zip"])("https://engine.invalid/stdlib.zip");
    assert.deepEqual(new Uint8Array(await response.arrayBuffer()), content());
  } finally {
    Object.assign(globalThis, { Request, fetch });
    close();
  }
});

test("the start of Pyodide reports a file that failed", async () => {
  const { files, close } = connected(() => ({ error: { kind: "bad_file", message: "it is damaged" } }));
  const failing = files.failing();
  await assert.rejects(files.fetch(["stdlib.zip"])("https://engine.invalid/stdlib.zip"));
  await assert.rejects(failing, { kind: "bad_file" });
  close();
});
