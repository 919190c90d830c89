// build.mjs OUT.js OUT.h: beacon.ts as one script, and as bytes for the program.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const [js, header] = process.argv.slice(2);
const entry = new URL("beacon.ts", import.meta.url).pathname;
const built = buildSync({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    target: "es2020",
    charset: "ascii",
    legalComments: "none",
    write: false,
});
const plain = Buffer.from(built.outputFiles[0].contents);
const packed = gzipSync(plain, { level: 9 });
const array = (name, bytes) => `static const unsigned char ${name}[] = {${[...bytes].join(",")}};\n`;
const etag = createHash("sha256").update(plain).digest("hex").slice(0, 16);
writeFileSync(js, plain);
writeFileSync(
    header,
    `/* Made by web/beacon/build.mjs. */\n${array("beacon_js", plain)}${array("beacon_js_gzip", packed)}` +
        `#define BEACON_JS_ETAG "\\"${etag}\\""\n#define BEACON_JS_GZIP_ETAG "\\"${etag}-gzip\\""\n`,
);
