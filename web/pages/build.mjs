// build.mjs OUT.h: the pages as bytes, and what each may do (Content-Security-Policy): run what stands in it, ask its own server.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const sources = (html, tag) =>
    [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))].map(
        ([, text]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`,
    );
const pages = ["home", "setup"].map((name) => {
    const bytes = readFileSync(new URL(`${name}.html`, import.meta.url));
    const allow = (what, tag) => {
        const found = sources(bytes.toString(), tag);
        return found.length ? `; ${what} ${found.join(" ")}` : "";
    };
    const policy =
        "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
        allow("style-src", "style") +
        allow("script-src", "script");
    return `static const unsigned char page_${name}[] = {${[...bytes].join(",")}};\n#define PAGE_${name.toUpperCase()}_POLICY "${policy}"\n`;
});
writeFileSync(process.argv[2], `/* Made by web/pages/build.mjs. */\n${pages.join("")}`);
