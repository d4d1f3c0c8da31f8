import { basename } from "node:path";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { meansFile, parseAsRun } from "../../model/command.ts";
import { irregularReferences, irregularTemplates } from "../../model/irregular-references.ts";
import { pathMissing } from "../../model/load-findings.ts";
import type { Reference } from "../../model/references.ts";
import { type AboutReference, aboutReference } from "../about-reference.ts";
import { loadingKinds, oddReferences, shownPath } from "../path-references.ts";
import { type Rule, rule } from "../rule.ts";
import { rememberedFaults } from "../template-files.ts";

interface Data extends AboutReference {
	readonly lookedIn: string;
	/** The word of a command that may as well be a file which the command writes. */
	readonly maybeOutput?: boolean;
}

const missing = rule<Data>({
	id: "path.missing",
	group: "paths",
	severity: "error",
	summary: "a path to something that does not exist or is not a file on disk",
	docs: {
		why: "The path can't be read, copied or run: the eval fails here, or on the next machine.",
		bad: `workspace: ./templates/   # the directory's name is ./template/`,
		good: `workspace: ./template/`,
		mend: "Fix the path, or add the file. Paths are relative to the file that contains them; those of a command to its `cwd`, if it has one.",
	},
	message: (data) => pathMissing.message(data),
	hint: ({ maybeOutput, ...data }) =>
		maybeOutput ? "ignore this if the command creates it" : pathMissing.hint?.(data),
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (reference.state !== "missing" || loadingKinds.has(reference.kind)) continue;
			const maybeOutput = isArgument(reference);
			const data = { ...aboutReference(reference), lookedIn: shownPath(reference.base, context) };
			yield maybeOutput
				? { data: { ...data, maybeOutput }, at: reference.at, severity: "warning" }
				: { data, at: reference.at };
		}
	},
});

/** Files that loading itself reads are reported by loading; the walk sees them too, and keeps silent. */
export const pathMissingRule: Rule = {
	...missing,
	*check(context): Iterable<Diagnostic> {
		for (const found of context.findings) if (found.rule === missing.id) yield found;
		yield* irregularReferences(context.references.files);
		yield* irregularTemplates(context.references.files, (directory) => {
			const { special } = rememberedFaults(directory, context.run);
			return { special };
		});
		yield* missing.check(context);
	},
};

const interpreters =
	/^(node|nodejs|python[\d.]*|bun|deno|tsx|ts-node|sh|bash|zsh|dash|ruby|perl|php|pwsh|Rscript|lua|npx|uv|uvx|poetry|pipenv|env)(\.exe)?$/;

/** Whether the word is neither the program nor the script that an interpreter runs. */
function isArgument({ word, command }: Reference): boolean {
	if (!word || !command || word.index === 0) return false;
	const parsed = parseAsRun(command);
	const words = parsed.kind === "argv" ? parsed.words : [];
	const program = words[0]?.text ?? "";
	if (!interpreters.test(basename(program))) return true;
	const first = words.slice(1).find(({ text }) => meansFile(text) || /\.\w+$/.test(text));
	return first?.index !== word.index;
}
