import type { TestCase } from "../../model/eval-types.ts";
import { promptTexts } from "../prompt-texts.ts";
import { rule } from "../rule.ts";

interface Data {
	/** The SHA as the prompt writes it. */
	readonly mark: string;
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

export const promptCommitWithoutRepo = rule<Data>({
	id: "prompt.commit-without-repo",
	group: "authoring",
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

/** SHAs that a text calls a commit, and whole ones wherever they stand. A word of letters or digits alone is none. */
function shasIn(text: string): Set<string> {
	if (!/[0-9a-f]{7}/i.test(text)) return new Set();
	const found = named
		.flatMap((pattern) => [...text.matchAll(pattern)])
		.map((match) => match[1] as string)
		.concat(text.match(bare) ?? []);
	return new Set(found.filter((sha) => /\d/.test(sha) && /[a-f]/i.test(sha)));
}
