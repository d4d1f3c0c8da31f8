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
