/** Words before what is asked for: an article, whose it is, what kind. */
const some = "(?:(?:an?|the|this|that|my|your|our|any|each|every|new|draft|open|corresponding|follow-?up)\\s+){0,4}";
const change = `${some}(?:PRs?|pull[ -]requests?|merge[ -]requests?|MRs?)\\b`;
const issue = `${some}(?:(?:github|gitlab|tracking|bug)\\s+){0,3}(?:issues?|tickets?)\\b`;
const host = "(?:github|gitlab|bitbucket|jira|the (?:issue )?tracker)\\b";
const remote = "(?:branch(?:es)?|remote|origin|upstream|commits?|changes|fix|main|master|github|gitlab)\\b";
/** Up to so many characters of the same sentence. */
const within = (count: number) => `[^.?!\\n]{0,${count}}?`;

const requests = [
	`\\b(?:merge|squash|land|close|re-?open|approve)\\s+(?:and\\s+merge\\s+)?(?:${change}|#\\d+\\b)`,
	`\\b(?:open|create|submit|raise|make|send|file|publish)\\s+${change}(?!\\s+(?:change|touch|modif|description|template|title|summary))`,
	`\\b(?:open|submit|raise|send|push|deliver)\\b${within(40)}\\b(?:as|in|via|through)\\s+${change}`,
	`\\b(?:open|create|submit|raise|file|log)\\s+(?:an?|the|new|this|that)\\s+(?:${issue}|bug report\\s+(?:on|in|at)\\s+${host})(?!\\s+(?:class|model|object|type|template|list|tracker|form|page|view|table|component|field)\\b)`,
	`\\b(?:close|re-?open|resolve)\\s+${issue}\\s*#?\\d+`,
	`\\b(?:comment|reply|respond)\\b${within(40)}\\b(?:on|to|in)\\s+(?:${change}|${issue})`,
	`\\b(?:post|leave|add|submit|request\\s+changes|write)\\b${within(40)}\\b(?:on|to|in)\\s+(?:${change}|${issue}\\s*#?\\d+)`,
	`\\b(?:update|edit|change)\\s+(?:the\\s+)?(?:title|description|labels?)\\s+of\\s+${change}`,
	`\\b(?:update|edit|change)\\s+${change}\\s+(?:title|description|labels?)\\b`,
	`\\bgit\\s+push\\b`,
	`\\bforce[- ]push\\b`,
	`\\bpush\\b(?!\\s*(?:notification|button|\\())${within(50)}\\b${remote}(?!${within(30)}\\b(?:stack|queue|array|list|heap|buffer)\\b)`,
	`\\b(?:and|then)\\s+push(?:\\s+(?:it|them|everything|again))?\\s*(?=[.,;!\\n]|$)`,
	`\\b(?:gh|glab)\\s+(?:pr|mr|issue)\\s+(?:create|merge|comment|note|close|reopen|review|edit)\\b`,
].map((source) => new RegExp(source, "gi"));

/** Most prompts speak of nothing of the kind: one look spares them all others. */
const hosting = /\b(?:PRs?|MRs?|pull|merge|push|issues?|tickets?|bug report|gh|glab|#\d)\b/i;

/** The words by which a text asks for something that only a remote can give; undefined where it does not ask. */
export function remoteRequest(text: string): string | undefined {
	if (!hosting.test(text)) return undefined;
	for (const pattern of requests)
		for (const match of text.matchAll(pattern))
			if (!/\bMr\b/.test(match[0]) && isInstruction(text, match.index, match[0].length)) return match[0].trim();
	return undefined;
}

const denied =
	/(?:\b(?:not|never|without|don't|doesn't|won't|no need to|avoid|instead of|rather than|refuse to)\b|n't)[^.,;:\n]{0,25}$/i;
/** Words that make what follows a subject of talk: how one opens a pull request, what `git push` does, when to push. */
const spokenOf = [
	/\b(?:how|when|why|whether|what|which|who|should|if)\b(?:(?!\b(?:then|and)\b)[^.,;:\n]){0,40}$/i,
	/\b(?:explain|describe|define|document|about|of|does|is|a|an|the|wants? to|wanted to|tried to|going to|able to|ready to)\s*[`"'(]*$/i,
];
const polite = /^\W*(?:please|(?:can|could|will|would) you\b)/i;

/** Whether the words at `start` are an order: neither denied, nor spoken of, nor part of a question. */
function isInstruction(text: string, start: number, length: number): boolean {
	const before = sentenceEnd(text.slice(Math.max(0, start - farthest), start));
	if (denied.test(before) || spokenOf.some((pattern) => pattern.test(before))) return false;
	const end = /[.?!\n]/.exec(text.slice(start + length, start + length + farthest));
	return end?.[0] !== "?" || polite.test(before + text.slice(start, start + length));
}

/** How far from the words anything can say what they mean. */
const farthest = 300;

/** The last sentence of `text`, which may be a part of one. */
function sentenceEnd(text: string): string {
	return text.slice(Math.max(...[". ", "? ", "! ", "\n"].map((stop) => text.lastIndexOf(stop) + 1)));
}
