export interface ClaimedChange {
	/** The file that is said to be changed. */
	readonly file: string;
	/** The words that say so. */
	readonly words: string;
}

const noun = "(?:workspace|working tree|PR|pull[ -]request|merge[ -]request|MR|branch|diff|patch|commit|changeset)";
/** The change that a text speaks of: `this PR`, `the open pull request`, `PR #12`. */
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
/** A path with a slash and any ending, or a name with one that files have. Begins where a word does: else long texts cost their square. */
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
/** `Files changed in this PR:`, and then their names. */
const listed = new RegExp(
	`\\b(?:changed|changes|modified|touched|edited)\\b${within(20)}\\b(?:in|on|by|of)\\s+${subject}\\s*:((?:\\s*[-*]?\\s*[\`'"]?[\\w@./-]+\\.\\w+[\`'"]?,?)+)`,
	"gi",
);
const fileName = new RegExp(file, "gi");

/** Most texts speak of no change: one look spares them the others. */
const speaks = new RegExp(`\\b${noun}\\b|\\b(?:uncommitted|unstaged|staged|pending)\\b`, "i");
/** Names with a dot that are no files. */
const noFile = /^(?:(?:node|vue|next|nuxt|react|three|d3|express|ember|backbone|alpine|solid)\.(?:js|ts)|e\.g|i\.e)$/i;
/** What is still to be done, or only might be, is no claim. */
const notYet = /\b(?:must|should|shall|can|could|will|would|may|might|to|make|please|not|n't|if)\s+(?:\w+\s+){0,2}$/i;

/** The changes of named files that a text claims, each file once. */
export function claimedChanges(text: string): ClaimedChange[] {
	if (!speaks.test(text)) return [];
	const found = new Map<string, string>();
	const add = (path: string | undefined, words: string) => {
		if (path !== undefined && !noFile.test(path) && !found.has(path)) found.set(path, words);
	};
	for (const pattern of claims)
		for (const match of text.matchAll(pattern)) if (!isNotYet(text, match)) add(match[1], match[0]);
	for (const match of text.matchAll(listed))
		for (const [words, inner] of (match[1] ?? "").matchAll(fileName)) add(inner, words);
	return [...found].map(([path, words]) => ({ file: path, words }));
}

/** Whether the claim is an order or a condition: "your PR should change", "the file must be edited". */
function isNotYet(text: string, { index, 0: words }: RegExpExecArray): boolean {
	if (notYet.test(text.slice(Math.max(0, index - 30), index))) return true;
	return /\b(?:must|should|shall|could|would|may|might|cannot|can't|do not|don't|doesn't|does not)\b/i.test(words);
}
