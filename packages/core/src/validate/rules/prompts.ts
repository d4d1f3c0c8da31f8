import { join } from "node:path";
import type { TestCase } from "../../eval/eval-types.ts";
import type { Reference } from "../../eval/visit.ts";
import { pathKind } from "../../machine/files.ts";
import { listTree } from "../../machine/find-files.ts";
import { type EvalContext, remembered, repositoryOf, textOf } from "../eval-context.ts";
import { claimedChanges, holdsDiff, promptTexts, remoteRequest } from "../prompt-texts.ts";
import { type Rule, rule } from "../rule.ts";

const promptClaimsChange = rule<{ file: string; mark: string }>({
	id: "prompt.claims-change",
	severity: "warning",
	summary: "a prompt that claims a file change that does not exist in the sandbox",
	docs: {
		why: "The target can't find the change: a careful one reports that and fails, a careless one invents it and passes.",
		bad: `input: This PR changes src/add.ts. Is it right?   # the template contains src/add.ts, unchanged`,
		good: `input: This PR changes src/add.ts. Is it right?
metadata:
  diff_file: ./add.patch   # which a before_each hook applies`,
		mend: "Include the change: as a diff in the prompt, as a patch in the metadata that a hook applies, or in the template's git state.",
	},
	message: ({ file: name }) =>
		`the prompt claims that ${name} is changed, but the sandbox does not contain such a change`,
	hint: () => "include the change as a diff in the prompt, or as a patch that a hook applies",
	*check(context) {
		for (const { test, prompts } of promptTexts(context)) {
			const claimed = prompts.flatMap(({ text, at }) => claimedChanges(text).map((claim) => ({ ...claim, at })));
			if (claimed.length === 0) continue;
			const workspace = test.workspace ?? test.suite.workspace;
			if ((workspace?.repos.length ?? 0) > 0) continue; // Its commit can contain the change.
			const sandbox = sandboxOf(test, context);
			for (const { file: name, words, at } of claimed)
				if (!prompts.some(({ text }) => holdsDiff(text, name)) && !holdsChange(name, sandbox, context))
					yield { data: { file: name, mark: words }, at };
		}
	},
});

function holdsChange(name: string, { patches, scripts, template }: Sandbox, context: EvalContext): boolean {
	const base = name.replace(/^.*\//, "");
	if (patches.some((patch) => holdsDiff(patch, name)) || scripts.some((script) => script.includes(base))) return true;
	if (template === undefined) return false;
	if (pathKind(join(template, ".git")) !== "missing") return true; // A nested repository: its history is not checked here.
	return (repositoryOf(context)?.changed(template) ?? []).some(
		(path) => path.endsWith(`/${name}`) || path.endsWith(`/${base}`),
	);
}

const sha = "([0-9a-f]{7,40})\\b";
const named = [
	`\\b(?:commit|sha|revision|rev|changeset|checked? ?out|head)\\b(?: (?:is|at|to|of|hash|id))*[\\s:\`'"(#=]{1,4}${sha}`,
	`\\bgit [a-z][a-z-]*(?: -\\S+)* ${sha}`,
	`\\b(?:cherry-?pick|revert|bisect|reset(?: --\\w+)?|rebase onto)(?: commit| to)? [\`'"]?${sha}`,
	`\\/commits?\\/${sha}`,
	`\\b(?<![0-9a-z.])${sha}\\.{2,3}[0-9a-f]{7,40}\\b`,
	`\\b[0-9a-f]{7,40}\\.{2,3}${sha}`,
].map((source) => new RegExp(source, "gi"));
const bare = /(?<![0-9a-z/])(?<!\b(?:sha-?1|hash|checksum|digest)\b.{0,30})[0-9a-f]{40}(?![0-9a-z])/gi;

const promptCommitWithoutRepo = rule<{ mark: string }>({
	id: "prompt.commit-without-repo",
	severity: "warning",
	summary: "a prompt with a commit that is not pinned by a repository of the workspace",
	docs: {
		why: "The sandbox does not contain the commit, so the target can only guess.",
		bad: `input: What does commit 8c5fd1b change?`,
		good: `input: What does commit 8c5fd1b change?
workspace:
  repos:
    - repo: https://git.example.com/acme/app.git
      commit: 8c5fd1b5e4b4a3d2c1f0e9d8c7b6a5948372615a`,
		mend: "Add the repository under `workspace.repos` with that commit, or include its relevant parts in the prompt.",
	},
	message: ({ mark }) => `the prompt mentions commit ${mark}, which no repository of the workspace pins`,
	hint: () => "add the repository with that commit under workspace.repos",
	*check(context) {
		for (const { test, prompts } of promptTexts(context)) {
			const pinned = pinsOf(test);
			for (const { text, at } of prompts)
				for (const mark of shasIn(text))
					if (!pinned.some((sha) => sha.startsWith(mark.toLowerCase()) || mark.toLowerCase().startsWith(sha)))
						yield { data: { mark }, at };
		}
	},
});

function pinsOf({ workspace, suite }: TestCase): string[] {
	return (workspace ?? suite.workspace)?.repos.flatMap(({ commit }) => (commit ? [commit.toLowerCase()] : [])) ?? [];
}

/** Words of only letters or digits don't count. */
function shasIn(text: string): Set<string> {
	if (!/[0-9a-f]{7}/i.test(text)) return new Set();
	const candidates = named
		.flatMap((pattern) => [...text.matchAll(pattern)])
		.map((match) => match[1] as string)
		.concat(text.match(bare) ?? []);
	return new Set(candidates.filter((sha) => /\d/.test(sha) && /[a-f]/i.test(sha)));
}

const promptNeedsRemote = rule<{ mark: string }>({
	id: "prompt.needs-remote",
	severity: "warning",
	summary: "a prompt that asks to merge, push, open or comment on a pull request or issue without a remote",
	docs: {
		why: "A sandbox has no remote: the target can only refuse or make something up, so the score is meaningless.",
		bad: `input: Review the changes and merge the pull request.`,
		good: `input: |
  Would you merge this change? Say why.
  \`\`\`diff
  --- a/src/add.ts
  +++ b/src/add.ts
  @@ -1 +1 @@
  -export const add = (a, b) => a - b;
  +export const add = (a, b) => a + b;
  \`\`\``,
		mend: "Include the diff in the prompt and ask for an assessment, or create a bare repository next to the workspace in a hook and `git remote add` it.",
	},
	message: ({ mark }) =>
		`the prompt asks for something that needs a remote (${JSON.stringify(mark)}), but the sandbox has none`,
	hint: () => "include the diff in the prompt, or set up a remote in a hook",
	*check(context) {
		for (const { test, prompts } of promptTexts(context)) {
			for (const { text, at } of prompts) {
				const mark = remoteRequest(text);
				if (mark === undefined || prompts.some((prompt) => holdsDiff(prompt.text))) continue;
				const sandbox = sandboxOf(test, context);
				if (!hasRemote(sandbox) && !sandbox.patches.some((patch) => holdsDiff(patch))) yield { data: { mark }, at };
			}
		}
	},
});

function hasRemote({ scripts }: Sandbox): boolean {
	return scripts.some((script) =>
		/\bremote["',\s]+add\b|\binit\b[^\n]*--bare|\bclone\b[^\n]*--(bare|mirror)/.test(script),
	);
}

interface Sandbox {
	/** Hooks and extensions that prepare the sandbox: their texts and commands. */
	readonly scripts: readonly string[];
	/** From metadata, hooks, input, or inside the template. */
	readonly patches: readonly string[];
	/** Absolute. */
	readonly template: string | undefined;
}

function sandboxOf(test: TestCase, context: EvalContext): Sandbox {
	const { references } = context;
	const workspace = test.workspace ?? test.suite.workspace;
	const template = references.files.find(({ kind, at }) => kind === "template" && at === workspace?.template?.at);
	const prepares = references.files.filter(({ kind }) => kind === "hook" || kind === "extension");
	const mine = new Set([...test.metadataFiles.map(({ at }) => at), test.at]);
	const named = references.files.filter(
		({ kind, at }) => (kind === "metadata-file" && mine.has(at)) || (kind === "input-file" && at.file === test.at.file),
	);
	return {
		scripts: prepares.flatMap((reference) => [reference.raw, ...readOnDisk(reference, context)]),
		patches: [
			...[...named, ...prepares]
				.filter(({ resolved }) => patchName.test(resolved))
				.flatMap((reference) => readOnDisk(reference, context)),
			...Object.values(test.metadata).filter((value): value is string => typeof value === "string"),
			...patchesIn(template, context),
		],
		template: template?.onDisk === "directory" ? template.resolved : undefined,
	};
}

const patchName = /\.(patch|diff)$/;

function readOnDisk({ resolved, onDisk }: Reference, context: EvalContext): string[] {
	return onDisk === "file" ? [searchedText(resolved, context)] : [];
}

function searchedText(file: string, { run }: EvalContext): string {
	return remembered(run.memo, `text\0${file}`, () => {
		const text = textOf(file, run) ?? "";
		return text.length > 1_000_000 ? "" : text;
	});
}

function patchesIn(template: Reference | undefined, context: EvalContext): string[] {
	if (template?.onDisk !== "directory") return [];
	const directory = template.resolved;
	const files = remembered(context.run.memo, `patches\0${directory}`, () =>
		listTree(directory, { skipGit: true })
			.filter(({ kind, path }) => kind === "file" && patchName.test(path))
			.map(({ path }) => `${directory}/${path}`),
	);
	return files.map((file) => searchedText(file, context));
}

export const promptRules: readonly Rule[] = [promptNeedsRemote, promptClaimsChange, promptCommitWithoutRepo];
