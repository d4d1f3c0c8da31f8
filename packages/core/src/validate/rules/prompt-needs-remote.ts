import { holdsDiff, promptTexts } from "../prompt-texts.ts";
import { remoteRequest } from "../remote-requests.ts";
import { rule } from "../rule.ts";
import { type Sandbox, sandboxOf } from "../sandbox.ts";

interface Data {
	/** The words that ask for it. */
	readonly mark: string;
}

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
