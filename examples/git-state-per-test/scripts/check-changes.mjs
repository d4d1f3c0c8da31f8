// A code-grader: `file_changes` contains the agent's changes, without those of the hook.
import { readFileSync } from "node:fs";

const { file_changes: changes } = JSON.parse(readFileSync(0, "utf8"));
const files = [...(changes ?? "").matchAll(/^diff --git a\/(.*) b\//gm)].map((match) => match[1]);
const assertions = [
	{ text: "the review is among the changes", passed: files.includes("REVIEW.md"), evidence: files.join(", ") },
	{ text: "nothing else is", passed: files.length === 1, evidence: files.join(", ") },
];
process.stdout.write(JSON.stringify({ assertions }));
