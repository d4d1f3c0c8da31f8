// A mock agent: inspects the uncommitted changes with git and writes its review to the workspace.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

const git = (...args) => execFileSync("git", args, { encoding: "utf8" });
if (existsSync("REVIEW.md")) throw new Error("somebody was here before");
git("add", "--intent-to-add", "."); // includes new files
const lines = git("diff", "--unified=0")
	.split("\n")
	.filter((line) => /^[-+]/.test(line))
	.map((line) => line.replace(/^([-+])\t?/, "$1 "));
const review = lines.length === 0 ? "nothing to review" : lines.join("\n");
writeFileSync("REVIEW.md", `${review}\n`);
process.stdout.write(review);
