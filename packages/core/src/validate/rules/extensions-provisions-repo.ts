import { extensionModules } from "../extension-modules.ts";
import { rule } from "../rule.ts";

interface Data {
	readonly module: string;
	/** The words by which it is seen. */
	readonly sign: string;
	/** 1-based line of the module. */
	readonly line: number;
}

/** How programs fetch repositories: git's own commands, as text or as arguments, and packages made for it. */
const signs = [
	/\bgit\b["'`]?\s*[,\s[("'`]+\s*["'`]?(clone|fetch|pull|submodule|worktree)\b/,
	/\bgh\s+repo\s+clone\b/,
	/\.(clone|mirror)\(\s*["'`](https?:|git@|ssh:)/,
	/from\s+["'](degit|tiged|giget|isomorphic-git)["']|require\(["'](degit|tiged|giget|isomorphic-git)["']\)/,
];

export const extensionsProvisionsRepo = rule<Data>({
	id: "extensions.provisions-repo",
	group: "extensions",
	severity: "warning",
	summary: "an extension that seems to fetch a repository itself",
	docs: {
		why: "A repository cloned by an extension is not pinned, recorded or bundled, and its history can contain the answer.",
		bad: `// scripts/setup.mjs
execSync("git clone https://git.example.com/acme/app.git", { cwd: workspace_path })`,
		good: `workspace:
  repos:
    - repo: https://git.example.com/acme/app.git
      commit: 8c5fd1b5e4b4a3d2c1f0e9d8c7b6a5948372615a`,
		mend: "Add the repository to `workspace.repos`; extensions run after it is cloned.",
	},
	message: ({ module, line, sign }) => `${module}:${line} seems to fetch a repository (${sign})`,
	hint: () => "add the repository to workspace.repos, where it is pinned and recorded",
	*check(context) {
		const seen = new Set<string>();
		for (const { extension, text, file } of extensionModules(context)) {
			const code = withoutComments(text);
			const found = signs.map((sign) => sign.exec(code)).find((match) => match !== null);
			if (!found || seen.has(file)) continue;
			seen.add(file);
			const line = code.slice(0, found.index).split("\n").length;
			const sign = found[0].replace(/["'`,[\]()\s]+/g, " ").trim();
			yield { data: { module: extension.module.raw, sign, line }, at: extension.at };
		}
	},
});

/** The text with whole-line comments left out; its lines stay what they are. */
function withoutComments(text: string): string {
	return text.replace(/^[ \t]*(?:\/\/|#|\*).*/gm, "");
}
