// node snapshot.mjs PLACES.json: builds the first view in Pyodide, saves its memory, and checks that it can be restored.
import { readFileSync, writeFileSync } from "node:fs";
import { pack } from "../../static/engine/sparse.mjs";
import { copyIn, start } from "./node.mjs";

/**
 * @import { EmscriptenModule } from "../../static/types/engine"
 * @import { Places } from "./node.mjs"
 */

/**
 * Fills the free blocks below the top of the heap with zeros: what was freed would only make the file larger.
 * @param {EmscriptenModule} module
 */
function wipeFreeMemory(module) {
  const top = module.HEAPU32[module._emscripten_get_sbrk_ptr() >>> 2];
  const held = [];
  for (let size = 1 << 20; size >= 32; size = (size / 1.5) & ~15) {
    for (;;) {
      const block = module._malloc(size) >>> 0;
      if (!block || block + size > top) {
        if (block) module._free(block);
        break;
      }
      module.HEAPU8.fill(0, block, block + size);
      held.push(block);
    }
  }
  for (const block of held) module._free(block);
}

/** @param {Places & { packages: string, script: string }} places */
async function freeze(places) {
  const python = await start(places, { freezable: true });
  copyIn(python.FS, places.packages, "/build/packages.zip");
  python.runPython(readFileSync(places.script, "utf8"));
  const [frozen, subject] = ["frozen.json", "subject.bin"].map((name) => python.FS.readFile(`/build/${name}`));
  wipeFreeMemory(python._module);
  return { frozen, subject, memory: python.makeMemorySnapshot() };
}

/**
 * @param {Places & { data: string, check: string }} places
 * @param {Uint8Array} packed the snapshot
 * @param {number} length of the memory
 */
async function check(places, packed, length) {
  const python = await start(places, { snapshot: { length, packed: async () => packed } });
  copyIn(python.FS, places.data, "/build/data.zip");
  python.unpackArchive(python.FS.readFile("/build/data.zip"), "zip", { extractDir: "/lib/python3.14/site-packages" });
  python.runPython(readFileSync(places.check, "utf8"));
  await python.globals.get("check")();
}

const places = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { frozen, subject, memory } = await freeze(places);
const packed = pack(memory);
const [, length] = new Uint32Array(packed.buffer, 0, 2);
await check(places, packed, length);
writeFileSync(places.frozen, frozen);
writeFileSync(places.subject, subject);
writeFileSync(places.snapshot, packed);
writeFileSync(places.info, JSON.stringify({ image: length }));
