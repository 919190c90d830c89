// browser.mjs PORT STEPS: a real browser for the end to end tests. Hosts *.example are 127.0.0.1:PORT. STEPS is
// a list in JSON: [["goto", URL], ["eval", EXPRESSION], ["click", SELECTOR], ["wait", EXPRESSION], ["close"]];
// prints the values of the evals, as a list in JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [port, steps] = process.argv.slice(2);
const AGENT =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
const folder = mkdtempSync(join(tmpdir(), "cask-browser-"));
const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    userAgent: AGENT,
    args: [
        `--host-resolver-rules=MAP *.example 127.0.0.1:${port}`,
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
});
const values = [];
try {
    let page = await context.newPage();
    page.on("pageerror", (e) => console.error(`page: ${e}`));
    for (const [name, argument] of JSON.parse(steps)) {
        if (name === "goto") await page.goto(argument);
        else if (name === "click") await page.click(argument);
        else if (name === "eval") values.push((await page.evaluate(argument)) ?? null);
        else if (name === "wait") await page.waitForFunction(argument, null, { timeout: 60000 });
        else if (name === "close") {
            await page.close({ runBeforeUnload: true });
            page = await context.newPage();
        } else throw new Error(`no such step: ${name}`);
    }
} finally {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(values));
