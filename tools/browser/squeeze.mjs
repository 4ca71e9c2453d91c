// node squeeze.mjs CODING FROM TO: compresses a file, as small as it gets, with zstd or gzip.
import { readFileSync, writeFileSync } from "node:fs";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";

const [, , coding, from, to] = process.argv;
const LEVEL = 19;
const WINDOW_LOG = 26; // the whole snapshot: decoders need as much memory, which they need for the result anyway
const content = readFileSync(from);
const params = { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_windowLog]: WINDOW_LOG };
writeFileSync(to, coding === "zstd" ? zstdCompressSync(content, { params }) : gzipSync(content, { level: 9 }));
