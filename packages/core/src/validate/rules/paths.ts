import { basename, isAbsolute, join, win32 } from "node:path";
import { meansFile, parseAsRun, parseCommand } from "../../eval/command.ts";
import { rootNames } from "../../eval/discover-evals.ts";
import { pathMissing } from "../../eval/load-findings.ts";
import { referenceNoun, stripScheme } from "../../eval/read-shape.ts";
import { entriesOf, type PlacedVariable } from "../../eval/source.ts";
import { irregularReferences, irregularTemplates, type Reference } from "../../eval/visit.ts";
import type { Place } from "../../lib/errors.ts";
import { directoryEntries, isExecutable, isInside, realPath } from "../../machine/files.ts";
import { listTree, type TreeEntry } from "../../machine/find-files.ts";
import {
	type EvalContext,
	evalFiles,
	neededPaths,
	oddReferences,
	pathReferences,
	type RepositoryFacts,
	relativePath,
	remembered,
	rememberedFaults,
	repositoryOf,
	shownPath,
	type ValidationRun,
	variablesAt,
	writtenText,
} from "../eval-context.ts";
import { type Change, rewritePath } from "../fix/edits.ts";
import { type AboutReference, aboutReference, type Rule, rule } from "../rule.ts";

interface PathAbsoluteData extends AboutReference {
	/** Resolved from the repository's root, not the file system's. */
	readonly fromRoot: boolean;
	/** Absolute. */
	readonly resolved: string;
	readonly inside: boolean;
}

const pathAbsolute = rule<PathAbsoluteData>({
	id: "path.absolute",
	severity: "error",
	fixedBy: "fix",
	summary: "an absolute path",
	docs: {
		why: "An absolute path is specific to one machine. A path from the repository's root breaks when the eval moves into another repository.",
		bad: `tests: /home/me/evals/cases.jsonl`,
		good: `tests: ./cases.jsonl`,
		mend: "Make it relative to the file that contains it; `--fix` does so for paths inside the eval's repository.",
	},
	message: ({ raw, kind, fromRoot }) =>
		fromRoot
			? `${kind} ${JSON.stringify(raw)} is resolved from the repository's root`
			: `${kind} ${JSON.stringify(raw)} is an absolute path`,
	hint: ({ inside }) => (inside ? undefined : "copy its target next to the eval, and use a relative path"),
	*check(context) {
		const { scope } = context.loaded;
		for (const reference of oddReferences(context)) {
			if (!isWrittenAbsolute(reference) || reference.state === "run-time" || reference.state === "opaque") continue;
			yield {
				data: {
					...aboutReference(reference),
					fromRoot: reference.found === "from-root",
					resolved: reference.resolved,
					inside: reference.state !== "missing" && isInside(scope.root, reference.resolved),
				},
				at: reference.at,
			};
		}
	},
	fix: (finding, context) => (finding.data.inside ? rewriteToResolved(finding, context) : []),
});

const pathBackslash = rule<AboutReference & { resolved?: string }>({
	id: "path.backslash",
	severity: "error",
	fixedBy: "fix",
	summary: "a path with backslashes",
	docs: {
		why: "Only Windows separates directories with a backslash; everywhere else it is part of a file's name.",
		bad: `tests: data\\cases.jsonl`,
		good: `tests: data/cases.jsonl`,
		mend: "Use `/`, which works everywhere; `--fix` replaces it.",
	},
	message: ({ raw, kind }) => `${kind} ${JSON.stringify(raw)} separates directories with backslashes`,
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (!reference.raw.includes("\\") || reference.state === "opaque" || reference.state === "run-time") continue;
			if (isWrittenAbsolute(reference)) continue; // Reported by the worse finding, and fixed with it.
			if (reference.resolved.includes("\\") && reference.state !== "missing") continue; // Such a name exists.
			const location = reference.state === "missing" ? {} : { resolved: reference.resolved };
			yield { data: { ...aboutReference(reference), ...location }, at: reference.at };
		}
	},
	fix: rewriteToResolved,
});

const pathCase = rule<AboutReference & { onDisk: string; resolved: string }>({
	id: "path.case",
	severity: "error",
	fixedBy: "fix",
	summary: "a path that differs from the file on disk in letter case only",
	docs: {
		why: "macOS and Windows find such a file, Linux does not: the eval works for its author and fails in CI.",
		bad: `workspace: ./Template/   # on disk: ./template/`,
		good: `workspace: ./template/`,
		mend: "Spell it as on disk; `--fix` corrects it.",
	},
	message: ({ raw, kind, onDisk }) => `${kind} ${JSON.stringify(raw)} is ${JSON.stringify(onDisk)} on disk`,
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (reference.found !== "other-case") continue;
			const { base, resolved, at } = reference;
			yield { data: { ...aboutReference(reference), onDisk: relativePath(base, resolved), resolved }, at };
		}
	},
	fix: rewriteToResolved,
});

const pathMissingRule = rule<AboutReference & { lookedIn: string; maybeOutput?: boolean }>({
	id: "path.missing",
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
			if (reference.state !== "missing" || loadingKinds.test(reference.kind)) continue;
			const maybeOutput = isArgument(reference);
			const data = { ...aboutReference(reference), lookedIn: shownPath(reference.base, context) };
			yield maybeOutput
				? { data: { ...data, maybeOutput }, at: reference.at, severity: "warning" }
				: { data, at: reference.at };
		}
	},
	*more({ findings, references, run }) {
		for (const diagnostic of findings) if (diagnostic.rule === pathMissing.rule) yield diagnostic;
		yield* irregularReferences(references.files);
		yield* irregularTemplates(references.files, (directory) => ({ special: rememberedFaults(directory, run).special }));
	},
});

/** The loader reads these, and reports missing ones. */
const loadingKinds = /^(tests|suite|workspace-file|include|prompt-file)$/;

const interpreters =
	/^(node|nodejs|python[\d.]*|bun|deno|tsx|ts-node|sh|bash|zsh|dash|ruby|perl|php|pwsh|Rscript|lua|npx|uv|uvx|poetry|pipenv|env)(\.exe)?$/;

function isArgument({ word, command }: Reference): boolean {
	if (!word || !command || word.index === 0) return false;
	const parsed = parseAsRun(command);
	const words = parsed.kind === "argv" ? parsed.words : [];
	const program = words[0]?.text ?? "";
	if (!interpreters.test(basename(program))) return true;
	const first = words.slice(1).find(({ text }) => meansFile(text) || /\.\w+$/.test(text));
	return first?.index !== word.index;
}

const pathNotExecutable = rule<AboutReference>({
	id: "path.not-executable",
	severity: "warning",
	summary: "a program of the eval without the executable bit",
	docs: {
		why: "A command that begins with this file cannot be started: permission denied.",
		bad: `hooks:
  before_each: { command: ./setup.sh }        # mode 644`,
		good: `hooks:
  before_each: { command: [sh, ./setup.sh] }  # or mode 755`,
		mend: "`chmod +x` the file and commit the mode (`git update-index --chmod=+x`), or start it with its interpreter.",
	},
	message: ({ raw, kind }) => `${kind} ${JSON.stringify(raw)} is not executable`,
	hint: ({ raw }) => `chmod +x ${raw}, or start it with its interpreter`,
	*check(context) {
		for (const reference of pathReferences(context)) {
			const { word, onDisk, resolved, at } = reference;
			if (word?.index !== 0 || onDisk !== "file") continue;
			if (remembered(context.run.memo, `executable\0${resolved}`, () => isExecutable(resolved))) continue;
			yield { data: aboutReference(reference), at };
		}
	},
});

interface PathUntrackedData {
	readonly path: string;
	readonly kind: string;
	readonly ignored: boolean;
	/** git doesn't track an empty directory. */
	readonly empty?: boolean;
	/** Relative to the directory; a wholly missing directory ends in `/`. */
	readonly inside?: readonly string[];
}

const pathUntracked = rule<PathUntrackedData>({
	id: "path.untracked",
	severity: "error",
	applies: (context) => repositoryOf(context) !== undefined,
	summary: "a file of the eval that git ignores (error) or does not track yet (warning)",
	docs: {
		why: "It exists on this machine, but a colleague's clone and CI won't have it.",
		bad: `tests: ./build/cases.jsonl   # .gitignore: build/`,
		good: `tests: ./data/cases.jsonl`,
		mend: "`git add` the file; if it is ignored, move it or change .gitignore.",
	},
	message: ({ path, kind, ignored, inside, empty }) =>
		empty
			? `${kind} ${JSON.stringify(path)} is an empty directory, which git does not track`
			: inside
				? `${kind} ${JSON.stringify(path)} contains files that git ${ignored ? "ignores" : "does not track yet"}: ${some(inside)}`
				: `${kind} ${JSON.stringify(path)} is ${ignored ? "ignored by git" : "not added to git yet"}`,
	hint: ({ ignored, empty }) =>
		empty
			? "add a file to it, or a clone won't have it"
			: ignored
				? "a clone won't have it: move it, or change .gitignore"
				: "git add it, or a clone won't have it",
	*check(context) {
		const { run } = context;
		const repository = repositoryOf(context);
		if (!repository) return;
		for (const { path, kind, at, whole } of evalFiles(context)) {
			const state = repository.state(path);
			if (state === "tracked" && !whole) continue;
			const data = { path: shownPath(path, context), kind };
			const empty = state === "ignored" && isEmpty(path);
			if (state === "ignored") yield { data: { ...data, ignored: true, ...(empty ? { empty } : {}) }, at };
			if (state === "untracked") yield { data: { ...data, ignored: false }, at, severity: "warning" };
			if (state !== "tracked") continue;
			const left = remembered(run.memo, `left out\0${path}`, () => leftOut(path, repository));
			if (left.ignored.length > 0) yield { data: { ...data, ignored: true, inside: left.ignored }, at };
			if (left.untracked.length > 0)
				yield { data: { ...data, ignored: false, inside: left.untracked }, at, severity: "warning" };
		}
	},
});

/** Evals never need these leftovers of systems and interpreters. */
const leftBehind = /^(\.DS_Store|Thumbs\.db|__pycache__|.*\.pyc)$/;

function leftOut(directory: string, repository: RepositoryFacts) {
	const left: Readonly<Record<"ignored" | "untracked", string[]>> = { ignored: [], untracked: [] };
	const filter = (path: string, kind: TreeEntry["kind"]) => {
		if (leftBehind.test(path.slice(path.lastIndexOf("/") + 1))) return false;
		const state = repository.state(join(directory, path));
		if (state !== "ignored" && state !== "untracked") return true;
		if (kind === "directory" && isEmpty(join(directory, path))) return false;
		left[state].push(kind === "directory" ? `${path}/` : path);
		return false;
	};
	listTree(directory, { skipGit: true, filter });
	return left;
}

function isEmpty(directory: string): boolean {
	return directoryEntries(directory)?.size === 0;
}

function some(files: readonly string[]): string {
	return files.length > 3 ? `${files.slice(0, 3).join(", ")}, and ${files.length - 3} more` : files.join(", ");
}

const pathOpaque = rule<{ kind: string; raw: string; variables: readonly string[]; unset: boolean }>({
	id: "path.opaque",
	severity: "warning",
	summary: "paths that can't be resolved statically: inside a shell string, or built from a variable",
	docs: {
		why: "Only the shell knows which files a shell string uses, and a variable's value can change: a copy of the eval might not include them.",
		bad: `command: cat ./answer.txt | ./scripts/check.sh`,
		good: `command: [./scripts/check-answer.sh, ./answer.txt]`,
		mend: "Write the command as a list of words, move pipes into a script, and write paths without variables. For a bundle, list additional files under `bundle.include`.",
	},
	message: ({ kind, raw, variables, unset }) => {
		if (variables.length === 0)
			return `the files of this ${kind.replace(/ script$/, "")} command can't be determined: it runs in a shell`;
		const names = variables.join(", ");
		return unset
			? `${kind} ${JSON.stringify(raw)} can't be resolved: ${names} is not set`
			: `${kind} ${JSON.stringify(raw)} depends on ${names}`;
	},
	hint: ({ variables }) => (variables.length === 0 ? "write it as a list, or move it into a script" : undefined),
	*check(context) {
		for (const reference of pathReferences(context)) {
			const { raw, at, state } = reference;
			const kind = referenceNoun(reference);
			if (state === "opaque") {
				yield { data: { kind, raw, variables: [], unset: false }, at };
				continue;
			}
			const variables = variablesOf(reference, context);
			if (variables.length === 0) continue;
			const names = [...new Set(variables.map(({ name }) => name))];
			yield {
				data: { kind, raw, variables: names, unset: variables.some((variable) => variable.state === "unset") },
				at,
			};
		}
	},
});

const pathOutsideEval = rule<AboutReference & { root: string }>({
	id: "path.outside-eval",
	severity: "warning",
	summary: "a path outside the eval's directory but inside its repository",
	docs: {
		why: "A copy of the eval's directory alone would not include it. The finding shows the portable root: the smallest directory that contains everything the eval needs.",
		bad: `hooks:
  before_each: { command: ../scripts/setup.sh }`,
		good: `hooks:
  before_each: { command: ./scripts/setup.sh }`,
		mend: "Move the file below the eval, or copy the portable root as a whole; `agentv bundle` collects everything into one directory.",
	},
	message: ({ raw, kind, root }) =>
		`${kind} ${JSON.stringify(raw)} is outside the eval's directory; the smallest directory that contains everything is ${root}`,
	hint: () => "`agentv bundle` creates a directory with all of it",
	*check(context) {
		const root = shownPath(context.root, context);
		for (const reference of oddReferences(context)) {
			// Absolute or searched paths have a more serious finding, whose fix results in this one.
			if (reference.state !== "outside-eval" || reference.found === "parent-search" || isWrittenAbsolute(reference))
				continue;
			yield { data: { ...aboutReference(reference), root }, at: reference.at };
		}
	},
});

const pathOutsideRepo = rule<AboutReference & { boundary: string }>({
	id: "path.outside-repo",
	severity: "error",
	summary: "a path outside the repository",
	docs: {
		why: "A clone of the repository does not contain it: the eval works on this machine only.",
		bad: `workspace: ../../../shared-template/`,
		good: `workspace: ./template/`,
		mend: "Copy its target into the repository, preferably below the eval, and fix the path.",
	},
	message: ({ raw, kind, boundary }) => `${kind} ${JSON.stringify(raw)} is outside ${boundary}`,
	hint: () => "copy it next to the eval",
	*check(context) {
		const boundary = rootNames[context.loaded.scope.rootKind];
		for (const reference of oddReferences(context)) {
			if (reference.state !== "outside-root") continue;
			yield { data: { ...aboutReference(reference), boundary }, at: reference.at };
		}
		// The eval itself and its targets files, which no path refers to.
		for (const { rule: id, data, at } of context.findings)
			if (id === "path.outside-repo" && at.path === undefined)
				yield { data: { raw: String(data.raw), kind: String(data.kind), boundary }, at };
	},
});

const pathParentSearch = rule<AboutReference & { shown: string; resolved: string }>({
	id: "path.parent-search",
	severity: "error",
	fixedBy: "fix",
	summary: "a path that is found only by searching the parent directories",
	docs: {
		why: "The path only works because of the parent directories: after moving the eval, or adding a file of that name in between, it resolves to something else or nothing.",
		bad: `prompt: prompts/judge.md        # two directories up`,
		good: `prompt: ../../prompts/judge.md`,
		mend: "Make the path relative to the file that contains it; `--fix` does so.",
	},
	message: ({ raw, kind, shown }) => `${kind} ${JSON.stringify(raw)} is found only by searching upwards, as ${shown}`,
	*check(context) {
		for (const reference of oddReferences(context)) {
			if (reference.found !== "parent-search") continue;
			const { resolved, at } = reference;
			yield { data: { ...aboutReference(reference), shown: shownPath(resolved, context), resolved }, at };
		}
	},
	fix: rewriteToResolved,
});

const pathSymlinkEscape = rule<AboutReference & { links?: readonly string[]; leadsTo?: string }>({
	id: "path.symlink-escape",
	severity: "error",
	summary: "a symbolic link to outside the template or repository",
	docs: {
		why: "A copy of the link is broken on another machine, or points back to the original: a test would then change the template itself. A link to a private file would leak it.",
		bad: `template/
  config -> /etc/app/config`,
		good: `template/
  config`,
		mend: "Replace the link with the file itself, or point it to a target inside the same directory.",
	},
	message: ({ raw, kind, links, leadsTo }) =>
		links
			? `${kind} ${JSON.stringify(raw)} has a symbolic link to outside it: ${links.slice(0, 3).join(", ")}${links.length > 3 ? ", …" : ""}`
			: `${kind} ${JSON.stringify(raw)} is a symbolic link to ${leadsTo}`,
	hint: () => "replace the link with its target",
	*check(context) {
		const { root } = context.loaded.scope;
		const realRoot = remembered(context.run.memo, `real\0${root}`, () => realPath(root));
		for (const reference of neededPaths(context)) {
			const { resolved, at, state, onDisk } = reference;
			if (state !== "ok" && state !== "outside-eval") continue;
			const about = aboutReference(reference);
			if (onDisk !== "directory" && !leadsByLink(resolved, root, context.run)) continue;
			const real = remembered(context.run.memo, `real\0${resolved}`, () => realPath(resolved));
			if (!isInside(realRoot, real)) yield { data: { ...about, leadsTo: real }, at };
			else if (onDisk === "directory" && copied.has(reference.kind)) {
				const { links } = rememberedFaults(resolved, context.run);
				if (links.length > 0) yield { data: { ...about, links }, at };
			}
		}
	},
});

/** Also checks the directories between `root` and the path. */
function leadsByLink(path: string, root: string, run: ValidationRun): boolean {
	if (path === root || !path.startsWith(root)) return false;
	const slash = path.lastIndexOf("/");
	const directory = path.slice(0, slash);
	if (entriesOf(run.view, directory).get(path.slice(slash + 1)) === "link") return true;
	return remembered(run.memo, `linked\0${directory}`, () => leadsByLink(directory, root, run));
}

/** A run or a bundle copies these directories as a whole. */
const copied: ReadonlySet<string> = new Set(["template", "agent-rules", "input-file"]);

function rewriteToResolved(
	{ data, at }: { readonly data: { readonly raw: string; readonly resolved?: string }; readonly at: Place },
	context: EvalContext,
): readonly Change[] {
	return data.resolved === undefined ? [] : rewritePath(at, data.raw, data.resolved, context);
}

/** A custom grader's path is computed, not written. */
function isWrittenAbsolute(reference: Reference): boolean {
	const raw = stripScheme(reference.raw);
	return reference.kind !== "custom-grader" && (isAbsolute(raw) || win32.isAbsolute(raw));
}

function variablesOf(reference: Reference, context: EvalContext): PlacedVariable[] {
	const here = variablesAt(reference.at, context);
	const { command, word } = reference;
	if (here.length === 0 || !word || !command || typeof command.text !== "string") return here;
	const written = writtenText(reference.at, context);
	const parsed = written === undefined ? undefined : parseCommand(written);
	if (parsed?.kind !== "argv") return here;
	const text = parsed.words[word.index]?.text ?? "";
	return here.filter(({ name }) => new RegExp(`\\$\\{\\{\\s*${name}\\b`).test(text));
}

export const pathRules: readonly Rule[] = [
	pathAbsolute,
	pathMissingRule,
	pathParentSearch,
	pathOutsideEval,
	pathOutsideRepo,
	pathCase,
	pathBackslash,
	pathNotExecutable,
	pathUntracked,
	pathOpaque,
	pathSymlinkEscape,
];
