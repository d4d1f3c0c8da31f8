import type { TestCase } from "../eval/eval-types.ts";
import { type Part, placeBelow, type Source, valueBelow } from "../eval/source.ts";
import type { DocumentPath, Place } from "../lib/errors.ts";
import { type EvalContext, remembered } from "./eval-context.ts";

interface PromptText {
	readonly text: string;
	readonly at: Place;
}

interface TestPrompts {
	readonly test: TestCase;
	readonly prompts: readonly PromptText[];
}

/** Shared texts belong to the first test. */
export function promptTexts(context: EvalContext): readonly TestPrompts[] {
	return remembered(context.memo, "prompts", () => {
		const { sources, tests } = context.loaded;
		return tests.flatMap((test, index) => {
			const source = sources.get(test.at.file);
			const prompts = [...(index === 0 ? sharedTexts(context) : []), ...(source ? ownTexts(test, source) : [])];
			return prompts.length > 0 ? [{ test, prompts }] : [];
		});
	});
}

function sharedTexts({ loaded, run }: EvalContext): PromptText[] {
	const source = loaded.sources.get(loaded.file);
	const root = source?.document && source.parts[0];
	const input = root ? textsIn(valueBelow(root.value, ["input"]), { ...root.at, path: ["input"] }) : [];
	const prompt = loaded.files.find(({ path }) => path.kind === "prompt-file");
	if (!prompt) return input;
	const text = run.view.kind(prompt.resolved) === "file" ? run.view.readText(prompt.resolved) : "";
	return [...input, { text, at: { file: prompt.resolved, line: 1 } }];
}

function ownTexts({ at }: TestCase, source: Source): PromptText[] {
	const part = at.line === undefined ? source.parts[0] : partsByLine(source).get(at.line);
	const value = valueBelow(part?.value, at.path ?? []);
	const turns = valueBelow(value, ["turns"]);
	return [
		...textsIn(valueBelow(value, ["input"]) ?? valueBelow(value, ["prompt"]), placeBelow(at, "input")),
		...(Array.isArray(turns) ? turns : []).flatMap((turn, index) =>
			textsIn(valueBelow(turn, ["input"]), placeBelow(at, "turns", index, "input")),
		),
	];
}

const byLine = new WeakMap<Source, ReadonlyMap<number | undefined, Part>>();

function partsByLine(source: Source): ReadonlyMap<number | undefined, Part> {
	const known = byLine.get(source) ?? new Map(source.parts.map((part) => [part.at.line, part]));
	byLine.set(source, known);
	return known;
}

/** Excludes an assistant's texts. */
function textsIn(value: unknown, at: Place): PromptText[] {
	if (typeof value === "string") return [{ text: value, at }];
	if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, placeBelow(at, index)));
	if (typeof value !== "object" || value === null) return [];
	const { role, content, type, value: text } = value as Record<string, unknown>;
	if (role === "assistant" || role === "tool") return [];
	if (type === "text" && typeof text === "string") return [{ text, at: placeBelow(at, "value") }];
	return content === undefined ? [] : textsIn(content, placeBelow(at, "content"));
}

/** @param file the diff must be about it */
export function holdsDiff(text: string, file?: string): boolean {
	const isDiff = /^(diff --git |@@ -\d|\+\+\+ |--- a\/)/m.test(text) || /```(diff|patch)\b/.test(text);
	return isDiff && (file === undefined || text.includes(file.replace(/^.*\//, "")));
}

/** Other fields are paths, names, URLs or commands. */
const prose = new Set([
	...["input", "expected_output", "criteria", "expected_outcome", "description", "content", "prompt", "outcome"],
	...["vars", "metadata", "value", "text", "system_prompt", "response", "responses", "author", "license"],
	...["assertions", "assert", "evaluators", "score_ranges", "tool_calls", "args", "config", "rubrics"],
]);

const notProse = new Set([
	...["command", "script", "cwd", "path", "target", "include", "type", "name", "id", "skill", "repo", "url", "commit"],
]);

/** The innermost known field name decides. */
export function isProse(path: DocumentPath, inTarget: boolean): boolean {
	const names = path.filter((key): key is string => typeof key === "string");
	for (const name of names.reverse()) {
		if (notProse.has(name)) return false;
		if (prose.has(name)) return !inTarget || ["response", "responses", "system_prompt"].includes(name);
	}
	return false;
}

const noun = "(?:workspace|working tree|PR|pull[ -]request|merge[ -]request|MR|branch|diff|patch|commit|changeset)";
/** A change in a text: `this PR`, `the open pull request`, `PR #12`. */
const subject = `\\b(?:(?:this|the|my|our|current|attached|staged|latest|last|recent|open)\\s+(?:(?:open|current|attached|staged|latest|last|recent|feature|following)\\s+)?${noun}\\b|(?:PR|pull request|MR|merge request)\\s*[#!]\\d+|(?:the\\s+)?branch\\s+[\`"'][^\`"'\\s]{1,100}[\`"']|(?:the\\s+)?branch\\s+[\\w.-]{0,100}[/_-][\\w./-]{1,100})`;
const past =
	"(?:changed|modified|updated|edited|touched|added|removed|deleted|introduced|refactored|renamed|rewrote|rewritten|fixed|reworked)";
const present =
	"(?:changes|modifies|updates|edits|touches|adds|removes|deletes|introduces|refactors|renames|rewrites|fixes|reworks)";
const changes = "(?:changes|modifications|edits|additions)";
const pending = `(?:uncommitted|unstaged|staged|pending|local)\\s+(?:${changes}|change|modification|edit)`;
const extensions =
	"[cm]?[jt]sx?|py|rb|go|rs|java|kts?|swift|[chm]|cc|cpp|hpp|cs|php|scala|clj|exs?|erl|hs|ml|lua|p[lm]|r|jl|dart|vue|svelte|html?|s?css|less|sql|sh|bash|ps1|bat|mdx?|rst|txt|adoc|json[c5]?|ya?ml|toml|ini|cfg|conf|env|xml|[ct]sv|lock|gradle|proto|graphql|tf|ipynb|mk|cmake";
const folders = "(?:[\\w@.-]{1,80}\\/)";
const name = "[\\w@-][\\w@.-]{0,80}";
/** A path with a slash, or a name with a known extension. Starts at a word: otherwise quadratic. */
const file = `(?<![\\w@./-])[\`'"(]?(${folders}{1,20}${name}\\.[a-z][a-z0-9]{0,9}|${name}\\.(?:${extensions})|${folders}{0,20}(?:Dockerfile|Makefile|Gemfile|Jenkinsfile|CODEOWNERS))\\b[\`'")]?`;
const within = (count: number) => `[^.;\\n]{0,${count}}?`;
const isOrWas = "(?:is|was|are|were|has been|have been|got)";

const claims = [
	`${subject}${within(60)}\\b(?:${present}|${past}|${changes})\\b${within(60)}${file}`,
	`${file}\\s+${isOrWas}\\s+${past}\\s+(?:in|on|by)\\s+${subject}`,
	`${subject}${within(40)}${file}\\s+${isOrWas}\\s+${past}`,
	`\\b(?:I|we|you|he|she|they|somebody|someone)(?:'ve|\\s+have|\\s+has)?\\s+${past}\\s+${file}${within(20)}\\b(?:in|on)\\s+${subject}`,
	`\\b(?:${changes}|change)\\s+(?:in|to|of)\\s+${file}${within(20)}\\b(?:in|on)\\s+${subject}`,
	`\\b${pending}\\s+(?:in|to|of)\\s+${file}`,
	`${file}\\s+has\\s+${pending}`,
].map((source) => new RegExp(source, "gi"));
/** `Files changed in this PR:`, followed by names. */
const listed = new RegExp(
	`\\b(?:changed|changes|modified|touched|edited)\\b${within(20)}\\b(?:in|on|by|of)\\s+${subject}\\s*:((?:\\s*[-*]?\\s*[\`'"]?[\\w@./-]+\\.\\w+[\`'"]?,?)+)`,
	"gi",
);
const fileName = new RegExp(file, "gi");

/** Most texts mention no change; this check skips them. */
const speaks = new RegExp(`\\b${noun}\\b|\\b(?:uncommitted|unstaged|staged|pending)\\b`, "i");
/** Names with a dot that are not files. */
const noFile = /^(?:(?:node|vue|next|nuxt|react|three|d3|express|ember|backbone|alpine|solid)\.(?:js|ts)|e\.g|i\.e)$/i;
/** Orders and possibilities are not claims. */
const notYet = /\b(?:must|should|shall|can|could|will|would|may|might|to|make|please|not|n't|if)\s+(?:\w+\s+){0,2}$/i;

export function claimedChanges(text: string): { readonly file: string; readonly words: string }[] {
	if (!speaks.test(text)) return [];
	const wordsByFile = new Map<string, string>();
	const add = (path: string | undefined, words: string) => {
		if (path !== undefined && !noFile.test(path) && !wordsByFile.has(path)) wordsByFile.set(path, words);
	};
	for (const pattern of claims)
		for (const match of text.matchAll(pattern)) if (!isNotYet(text, match)) add(match[1], match[0]);
	for (const match of text.matchAll(listed))
		for (const [words, inner] of (match[1] ?? "").matchAll(fileName)) add(inner, words);
	return [...wordsByFile].map(([path, words]) => ({ file: path, words }));
}

/** Detects orders and conditions: "your PR should change", "the file must be edited". */
function isNotYet(text: string, { index, 0: words }: RegExpExecArray): boolean {
	if (notYet.test(text.slice(Math.max(0, index - 30), index))) return true;
	return /\b(?:must|should|shall|could|would|may|might|cannot|can't|do not|don't|doesn't|does not)\b/i.test(words);
}

/** Before the object: an article, possessive, or adjective. */
const some = "(?:(?:an?|the|this|that|my|your|our|any|each|every|new|draft|open|corresponding|follow-?up)\\s+){0,4}";
const change = `${some}(?:PRs?|pull[ -]requests?|merge[ -]requests?|MRs?)\\b`;
const issue = `${some}(?:(?:github|gitlab|tracking|bug)\\s+){0,3}(?:issues?|tickets?)\\b`;
const host = "(?:github|gitlab|bitbucket|jira|the (?:issue )?tracker)\\b";
const remote = "(?:branch(?:es)?|remote|origin|upstream|commits?|changes|fix|main|master|github|gitlab)\\b";
const withinRequest = (count: number) => `[^.?!\\n]{0,${count}}?`;

const requests = [
	`\\b(?:merge|squash|land|close|re-?open|approve)\\s+(?:and\\s+merge\\s+)?(?:${change}|#\\d+\\b)`,
	`\\b(?:open|create|submit|raise|make|send|file|publish)\\s+${change}(?!\\s+(?:change|touch|modif|description|template|title|summary))`,
	`\\b(?:open|submit|raise|send|push|deliver)\\b${withinRequest(40)}\\b(?:as|in|via|through)\\s+${change}`,
	`\\b(?:open|create|submit|raise|file|log)\\s+(?:an?|the|new|this|that)\\s+(?:${issue}|bug report\\s+(?:on|in|at)\\s+${host})(?!\\s+(?:class|model|object|type|template|list|tracker|form|page|view|table|component|field)\\b)`,
	`\\b(?:close|re-?open|resolve)\\s+${issue}\\s*#?\\d+`,
	`\\b(?:comment|reply|respond)\\b${withinRequest(40)}\\b(?:on|to|in)\\s+(?:${change}|${issue})`,
	`\\b(?:post|leave|add|submit|request\\s+changes|write)\\b${withinRequest(40)}\\b(?:on|to|in)\\s+(?:${change}|${issue}\\s*#?\\d+)`,
	`\\b(?:update|edit|change)\\s+(?:the\\s+)?(?:title|description|labels?)\\s+of\\s+${change}`,
	`\\b(?:update|edit|change)\\s+${change}\\s+(?:title|description|labels?)\\b`,
	`\\bgit\\s+push\\b`,
	`\\bforce[- ]push\\b`,
	`\\bpush\\b(?!\\s*(?:notification|button|\\())${withinRequest(50)}\\b${remote}(?!${withinRequest(30)}\\b(?:stack|queue|array|list|heap|buffer)\\b)`,
	`\\b(?:and|then)\\s+push(?:\\s+(?:it|them|everything|again))?\\s*(?=[.,;!\\n]|$)`,
	`\\b(?:gh|glab)\\s+(?:pr|mr|issue)\\s+(?:create|merge|comment|note|close|reopen|review|edit)\\b`,
].map((source) => new RegExp(source, "gi"));

/** Most prompts contain no such request; this check skips them. */
const hosting = /\b(?:PRs?|MRs?|pull|merge|push|issues?|tickets?|bug report|gh|glab|#\d)\b/i;

export function remoteRequest(text: string): string | undefined {
	if (!hosting.test(text)) return undefined;
	for (const pattern of requests)
		for (const match of text.matchAll(pattern))
			if (!/\bMr\b/.test(match[0]) && isInstruction(text, match.index, match[0].length)) return match[0].trim();
	return undefined;
}

const denied =
	/(?:\b(?:not|never|without|don't|doesn't|won't|no need to|avoid|instead of|rather than|refuse to)\b|n't)[^.,;:\n]{0,25}$/i;
/** Words that make what follows a topic: how one opens a pull request, when to push. */
const spokenOf = [
	/\b(?:how|when|why|whether|what|which|who|should|if)\b(?:(?!\b(?:then|and)\b)[^.,;:\n]){0,40}$/i,
	/\b(?:explain|describe|define|document|about|of|does|is|a|an|the|wants? to|wanted to|tried to|going to|able to|ready to)\s*[`"'(]*$/i,
];
const polite = /^\W*(?:please|(?:can|could|will|would) you\b)/i;

/** Returns false for negated or discussed words, and for questions. */
function isInstruction(text: string, start: number, length: number): boolean {
	const before = sentenceEnd(text.slice(Math.max(0, start - farthest), start));
	if (denied.test(before) || spokenOf.some((pattern) => pattern.test(before))) return false;
	const end = /[.?!\n]/.exec(text.slice(start + length, start + length + farthest));
	return end?.[0] !== "?" || polite.test(before + text.slice(start, start + length));
}

/** Maximum distance of words that affect the meaning. */
const farthest = 300;

/** The last sentence can be partial. */
function sentenceEnd(text: string): string {
	return text.slice(Math.max(...[". ", "? ", "! ", "\n"].map((stop) => text.lastIndexOf(stop) + 1)));
}
