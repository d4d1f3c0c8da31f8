import { holdsDiff, promptTexts } from "../prompt-texts.ts";
import { rule } from "../rule.ts";
import { type Sandbox, sandboxOf } from "../sandbox.ts";

interface Data {
	/** The words that ask for it. */
	readonly mark: string;
}

const change =
	"(?:a |an |the |this |that |my |your |our )?(?:new |draft |open )?(?:PR|pull[ -]request|merge[ -]request|MR)s?\\b";
const asks = [
	new RegExp(`\\b(?:merge|close|reopen|approve)\\b[^.\\n]{0,40}?\\b${change}`, "i"),
	new RegExp(`\\b(?:open|create|submit|raise|make|send|file)\\b[^.\\n]{0,40}?\\b${change}`, "i"),
	/\b(?:open|create|submit|raise|file|close)\b[^.\n]{0,30}?\b(?:github |gitlab |new )?issues?\b(?=[^.\n]{0,40}(?:#\d|github|gitlab|repo|tracker|about|for|\.|$))/i,
	/\b(?:comment|reply)\b[^.\n]{0,40}?\bon\b[^.\n]{0,30}?\b(?:PR|pull[ -]request|merge[ -]request|issue)\b/i,
	/\bgit push\b|\b(?:force[- ])?push\b[^.\n]{0,50}?\b(?:branch|remote|origin|upstream|commits?|changes|github|gitlab)\b/i,
	/\bgh (?:pr|issue) (?:create|merge|comment|close)\b/i,
];
/** Most prompts speak of nothing of the kind: one look spares them six. */
const hosting = /\b(?:PRs?|MRs?|pull|merge|push|issues?|gh)\b/i;
const denied = /(?:\b(?:not|never|without|don't|doesn't|won't|no need to|avoid|instead of)\b|n't)[^.\n]{0,25}$/i;

export const promptNeedsRemote = rule<Data>({
	id: "prompt.needs-remote",
	group: "authoring",
	severity: "warning",
	summary: "a prompt that asks to merge, push, open or comment on a pull request or issue where no remote is",
	docs: {
		why: "A sandbox has no remote: the target can only refuse or make something up, and the score says nothing.",
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
		mend: "Put the diff into the prompt and ask for a judgement, or let a hook make a bare repository beside the workspace and `git remote add` it.",
	},
	message: ({ mark }) =>
		`the prompt asks for something that needs a remote (${JSON.stringify(mark)}), and the sandbox has none`,
	hint: () => "put the diff into the prompt, or let a hook set up a remote",
	*check(context) {
		for (const { test, prompts } of promptTexts(context)) {
			for (const { text, at } of prompts) {
				if (!hosting.test(text)) continue;
				const mark = asks.map((pattern) => asked(text, pattern)).find((found) => found !== undefined);
				if (mark === undefined || prompts.some((prompt) => holdsDiff(prompt.text))) continue;
				if (!hasRemote(sandboxOf(test, context))) yield { data: { mark }, at };
			}
		}
	},
});

/** The words that ask, unless they are denied ("do not push"). */
function asked(text: string, pattern: RegExp): string | undefined {
	for (const match of text.matchAll(new RegExp(pattern.source, `${pattern.flags}g`)))
		if (!denied.test(text.slice(Math.max(0, match.index - 40), match.index))) return match[0];
	return undefined;
}

function hasRemote({ scripts }: Sandbox): boolean {
	return scripts.some((script) =>
		/\bremote["',\s]+add\b|\binit\b[^\n]*--bare|\bclone\b[^\n]*--(bare|mirror)/.test(script),
	);
}
