// Stands in for an agent: looks at the uncommitted changes with git, as an agent would, and writes its review into the workspace.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

const git = (...args) => execFileSync("git", args, { encoding: "utf8" });
if (existsSync("REVIEW.md")) throw new Error("somebody was here before");
git("add", "--intent-to-add", "."); // so that new files show, too
const lines = git("diff", "--unified=0")
	.split("\n")
	.filter((line) => /^[-+]/.test(line))
	.map((line) => line.replace(/^([-+])\t?/, "$1 "));
const review = lines.length === 0 ? "nothing to review" : lines.join("\n");
writeFileSync("REVIEW.md", `${review}\n`);
process.stdout.write(review);
