// code-grader: calls the shop's function given in the test's metadata and compares the result.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { workspace_path: workspace, metadata } = JSON.parse(readFileSync(0, "utf8"));
const shop = await import(pathToFileURL(join(workspace, "src/shop.mjs")).href);
const { call, argument, expected } = metadata;
const got = shop[call](argument);

const text = `${call}(${JSON.stringify(argument)}) is ${expected}`;
console.log(JSON.stringify({ assertions: [{ text, passed: got === expected, evidence: `got ${got}` }] }));
