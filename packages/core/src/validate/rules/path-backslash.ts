import { type CommandSpec, type CommandWord, fileOfWord, parseCommand } from "../../model/command.ts";
import { type AboutReference, aboutReference, referenceNoun } from "../about-reference.ts";
import type { EvalContext } from "../eval-context.ts";
import { replaceWord } from "../fix/replace-word.ts";
import { rewritePath } from "../fix/rewrite-path.ts";
import { isWrittenAbsolute, oddReferences, writtenText } from "../path-references.ts";
import { type Found, rule } from "../rule.ts";

interface Data extends AboutReference {
	/** Absolute path of what it leads to, read with `/`; undefined where that leads to nothing. */
	readonly resolved?: string;
	/** The word of a command that is one text: there a backslash is not even part of the word that runs. */
	readonly word?: CommandWord;
}

export const pathBackslash = rule<Data>({
	id: "path.backslash",
	group: "paths",
	severity: "error",
	fixedBy: "fix",
	summary: "a path with backslashes",
	docs: {
		why: "Only Windows separates directories by a backslash; everywhere else it is part of a file's name.",
		bad: `tests: data\\cases.jsonl`,
		good: `tests: data/cases.jsonl`,
		mend: "Write `/`, which works everywhere; `--fix` does.",
	},
	message: ({ raw, kind }) => `${kind} ${JSON.stringify(raw)} separates directories by backslashes`,
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (!reference.raw.includes("\\") || reference.state === "opaque" || reference.state === "run-time") continue;
			if (isWrittenAbsolute(reference)) continue; // the worse finding, and mended together with it
			if (reference.resolved.includes("\\") && reference.state !== "missing") continue; // such a name exists
			const found = reference.state === "missing" ? {} : { resolved: reference.resolved };
			yield { data: { ...aboutReference(reference), ...found }, at: reference.at };
		}
		for (const { kind, command } of context.references.commands)
			yield* wordsOf(command, referenceNoun({ kind }), context);
	},
	fix({ data, at }, context) {
		const { word, raw, resolved } = data;
		if (!word) return resolved === undefined ? [] : rewritePath(at, raw, resolved, context);
		const written = writtenText(at, context);
		if (written?.slice(...word.range) !== raw) return []; // a variable before it
		const path = withSlashes(raw);
		return [
			{ kind: "value", at, value: replaceWord(written, { ...word, quoted: false }, path), says: `${raw} → ${path}` },
		];
	},
});

/** Words of a string command that name a file only if their backslashes are read as Windows would. */
function* wordsOf(command: CommandSpec, kind: string, { run }: EvalContext): Generator<Found<Data>> {
	const { text, at } = command;
	if (typeof text !== "string" || !/\\[\w.]/.test(text)) return;
	const parsed = parseCommand(text);
	for (const word of parsed.kind === "argv" ? parsed.words : []) {
		const raw = text.slice(...word.range);
		const meant = raw.includes("\\") && fileOfWord(withSlashes(raw), command, run.view) !== undefined;
		if (meant && fileOfWord(word.text, command, run.view) === undefined)
			yield { data: { raw, kind, mark: raw, word }, at };
	}
}

function withSlashes(path: string): string {
	return path.replaceAll("\\", "/");
}
