import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** Words that don't appear in the docs of git, pnpm or Vitest, and what to write instead. */
const unwanted: readonly (readonly [words: RegExp, suggestion: string])[] = [
	// The lookarounds skip the field `mend` of a rule.
	[/(?<![.,{] ?)\bmend(s|ed|ing|able)?\b(?!:)/, "fix"],
	[/\banew\b/, "again, from scratch"],
	[/\bhangs? on\b/, "depends on"],
	[/\bat once\b/, "immediately, concurrently"],
	[/\bwhoever\b|\bwhosoever\b/, "the caller, the user, the process"],
	[/\bnobody\b/, "name the actor: no process, no eval"],
	[/\bwhatever\b/, "any, everything that"],
	[/(?<!\bthere )\b(is|are) no (?!longer\b|more\b|earlier\b|later\b)/, "is not a, has no"],
	// Not Python's `is None`.
	[/(?<!\bthere )\b(is|are) none\b(?!:)/, "is not one"],
	[/\bnothing of\b/, "no part of"],
	[/\bof (its|their) own accord\b/, "automatically"],
	[/\b(come|comes|came|coming) to (its|their|an) end\b/, "finish"],
	[/\bthe same goes\b/, "this also applies"],
	[/(?<![<.-])\bcircles?\b/, "cycle"],
	[/\ball the same\b/, "anyway"],
	[/\b(go|goes|going|went) on (with|where)\b/, "continue, resume"],
	// The lookarounds skip the field `beside` of an attempt.
	[/(?<!\.)\bbeside\b(?!:)/, "next to, alongside"],
	[/(?<!\.)\bformer\b/, "previous"],
	[/\bfurther\b/, "additional, more"],
	[/\bof ours\b/, "our"],
	[/\btoday's\b/, "current"],
	[/\btid(y|ies) up\b/, "clean up"],
	[/\bfaults? of (AgentV|ours|its own)\b/, "bug"],
	[/\blet(s|ting)? (it |them )?pass\b(?! =)/, "allow, succeed"],
	[/\bhow (it|they) (is|are) called\b/, "its name"],
	[/\bfrom \d+ on\b/, "at least"],
	[/\bleads? (nowhere|to no)\b/, "is not found"],
	[/\bturn(s|ed)? round\b/, "invert"],
	[/\b(thereof|wherein|therein|whereof)\b/, "of it, in it"],
	[/\bof (no )?use to\b/, "used by"],
];

/** Includes pages that are generated from the source. */
const skipped =
	/(^|\/)(node_modules|dist|\.git|\.agentv|\.agentv-start|coverage|test-artifacts)(\/|$)|^docs\/(schemas|images|commands\.md|validation-rules\.md)|^pnpm-lock|\.snap$|scripts\/words\.test\.ts$/;
const readable = /\.([cm]?[jt]sx?|css|html|md|ya?ml|json|sh)$/;

function filesIn(directory: string): string[] {
	return readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
		const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
		if (skipped.test(path)) return [];
		return entry.isDirectory() ? filesIn(path) : readable.test(path) ? [path] : [];
	});
}

/** Also match words that are separated by a line break in a comment. */
const patterns = unwanted.map(([words, suggestion]) => ({
	pattern: new RegExp(words.source.replaceAll(" ", "(?: |\\n\\s*(?:\\*|//|#|>)?\\s*)"), "gi"),
	suggestion,
}));

function matchesIn(path: string): string[] {
	const text = readFileSync(join(root, path), "utf8");
	return patterns.flatMap(({ pattern, suggestion }) =>
		[...text.matchAll(pattern)].map(({ 0: words, index }) => {
			const line = text.slice(0, index).split("\n").length;
			return `${path}:${line}: "${words.replace(/\s+/g, " ").trim()}" (instead: ${suggestion})`;
		}),
	);
}

it("source and docs use the words of the field", () => {
	expect(filesIn("").flatMap(matchesIn)).toEqual([]);
});
