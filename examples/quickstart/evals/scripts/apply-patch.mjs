// before_each: applies the patch in metadata.diff_file (relative to the eval) to the workspace.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const { workspace_path: workspace, metadata } = JSON.parse(readFileSync(0, "utf8"));

if (metadata?.diff_file) {
	const patch = resolve(metadata.diff_file);
	execFileSync("git", ["apply", "--whitespace=nowarn", patch], {
		cwd: workspace,
		stdio: ["ignore", "inherit", "inherit"],
	});
	console.log(`applied ${metadata.diff_file}`);
}
