// A code-grader: the bug is fixed, and the commit that fixed it in the repository's history was not available.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { workspace_path: workspace, output, file_changes: changes } = JSON.parse(readFileSync(0, "utf8"));
const shop = join(workspace, "shop");
const { total } = await import(pathToFileURL(join(shop, "src/total.mjs")));
const git = (...args) => execFileSync("git", args, { cwd: shop, encoding: "utf8" });
const objects = git("cat-file", "--batch-all-objects", "--batch-check");
const later = "e2d21b89ad7b9b3ec57c47c044bd5c36c56161bb";
const assertions = [
	{ text: "quantities count", passed: total([{ price: 2, quantity: 3 }]) === 6 },
	{ text: "only the fixed file changed", passed: (changes?.match(/^diff /gm) ?? []).length === 1, evidence: changes },
	{ text: "the agent saw the history up to the bug", passed: output.includes("commits in reach: add prices, first") },
	{ text: "the later commit is not among the objects", passed: !objects.includes(later) },
	{ text: "there is nowhere to look it up", passed: git("remote") === "" },
];
process.stdout.write(JSON.stringify({ assertions }));
