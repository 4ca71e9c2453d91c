import assert from "node:assert/strict";
import { test } from "node:test";
import { linked } from "../../static/fastpath/link.mjs";
import { expected } from "./support.mjs";

const { defaults, links, queries, schema } = expected;

for (const { query, changes } of queries) {
  test(`the link ${query}`, () => assert.deepEqual(linked(query, defaults, schema), changes));
}

test("any link means to the page what it means to Python", () => {
  for (const { query, changes } of links)
    assert.deepEqual(linked(query, defaults, schema), changes, query.slice(0, 500));
  assert.ok(links.length > 1000 && links.filter(({ changes }) => Object.keys(changes).length).length > 100);
});

test("names of JavaScript's own are no settings", () => {
  const query = "?constructor=1&__proto__=1&symmetric=constructor&format=__proto__&toString=1";
  assert.deepEqual(linked(query, defaults, schema), {});
});
