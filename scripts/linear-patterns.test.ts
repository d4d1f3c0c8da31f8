import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import ts from "typescript";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files whose patterns are only applied to short texts or the user's own texts. */
const bounded: readonly string[] = [
	"apps/cli/scripts/licenses.mjs", // installed packages
	"apps/studio/client/components/code.tsx", // lines up to 2,000 characters, and diffs
	"apps/studio/client/lib/format.ts", // numbers
	"apps/studio/server/catalog.ts", // directory names
	"packages/core/src/lib/yaml-document.ts", // up to 2,000 characters
];

interface Pattern {
	readonly source: string;
	readonly flags: string;
	readonly at: string;
}

function patterns(): Pattern[] {
	const listed = execFileSync("git", ["ls-files", "packages/core/src", "apps"], { cwd: root, encoding: "utf8" });
	const files = listed
		.split("\n")
		.filter((file) => /\.(ts|tsx|mjs)$/.test(file) && !/\.test\.ts$|\/test\/|\/testing\//.test(file));
	const found = new Map<string, Pattern>();
	for (const file of files.filter((one) => !bounded.includes(one))) {
		const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.Latest, true);
		const visit = (node: ts.Node): void => {
			const literal = ts.isRegularExpressionLiteral(node) ? /^\/(.*)\/([a-z]*)$/s.exec(node.text) : null;
			if (literal) {
				const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
				found.set(node.getText(), { source: literal[1] ?? "", flags: literal[2] ?? "", at: `${file}:${line}` });
			}
			ts.forEachChild(node, visit);
		};
		visit(source);
	}
	return [...found.values()];
}

/**
 * Returns repetitions of a short text with a mismatch at the end, on which backtracking patterns
 * take quadratic time.
 */
function pumped({ source }: Pattern): string[] {
	const letters = source.replace(/\\[a-zA-Z]|[[\](){}|?*+^$.]/g, "");
	const single = new Set([..." \n\t/-a0", ...letters.slice(0, 12)]);
	const words = source.match(/[a-z]{2,}/gi) ?? [];
	const pieces = [...single, ...words.slice(0, 3).flatMap((word) => [word, `${word} `]), letters.slice(0, 4)].filter(
		(piece) => piece !== "",
	);
	return pieces.map((piece) => `${piece.repeat(Math.ceil(100_000 / piece.length))}\u0000!`);
}

test("every regular expression takes linear time on hostile texts", { timeout: 300_000 }, () => {
	const slow: string[] = [];
	for (const pattern of patterns()) {
		const flags = pattern.flags.replace(/[gy]/g, "");
		// A sticky pattern is only tried at one position.
		if (pattern.flags.includes("y")) continue;
		try {
			runInNewContext(
				"for (const text of texts) new RegExp(source, flags).test(text)",
				{ ...pattern, flags, texts: pumped(pattern) },
				{ timeout: 10_000 },
			);
		} catch (error) {
			if (!/timed out/.test(String(error))) throw error;
			slow.push(`${pattern.at} /${pattern.source}/${pattern.flags}`);
		}
	}
	expect(slow).toEqual([]);
});
