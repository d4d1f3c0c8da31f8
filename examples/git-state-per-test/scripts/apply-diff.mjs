// A before_each hook: applies the patch in the test's metadata, relative to the eval.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const { workspace_path: workspace, metadata } = JSON.parse(readFileSync(0, "utf8"));
if (metadata.diff_file) {
	const diff = resolve(import.meta.dirname, "..", metadata.diff_file);
	execFileSync("git", ["apply", diff], { cwd: workspace, stdio: ["ignore", "ignore", "inherit"] });
}
