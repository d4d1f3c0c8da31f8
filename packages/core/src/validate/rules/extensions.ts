import { moduleExports, pythonNames } from "../../eval/script-imports.ts";
import { nearestName } from "../../lib/text.ts";
import { type EvalContext, textOf } from "../eval-context.ts";
import { type Rule, rule } from "../rule.ts";

const extensionsMissingExport = rule<{ module: string; name: string; nearest?: string; isPython?: true }>({
	id: "extensions.missing-export",
	severity: "error",
	applies: hasExtensions,
	summary: "an extension whose module has no export of the hook's name",
	docs: {
		why: "The function can't be called, so every test that needs it fails.",
		bad: `extensions:
  - file://scripts/setup.mjs:beforeAll   # the module exports \`setup\``,
		good: `extensions:
  - file://scripts/setup.mjs:beforeAll   # export async function beforeAll(context) { … }`,
		mend: "Export a function of that name (`beforeAll`, `beforeEach`, `afterEach` or `afterAll`) from the module, or fix the entry.",
	},
	message: ({ module, name, isPython }) => `${module} has no ${isPython ? "function" : "export"} "${name}"`,
	hint: ({ nearest, name, isPython }) => {
		if (nearest !== undefined) return `it ${isPython ? "has" : "exports"} "${nearest}"`;
		return `add \`${isPython ? `def ${name}(context):` : `export async function ${name}(context) { … }`}\``;
	},
	*check(context) {
		for (const { extension, text, file } of extensionModules(context)) {
			const isPython = file.endsWith(".py");
			if (!isPython && !/\.[cm]?[jt]sx?$/.test(file)) continue;
			const names = isPython ? pythonNames(text) : moduleExports(text);
			if (!names || names.has(extension.exportName)) continue;
			const nearest = nearestName(extension.exportName, [...names]);
			const data = { module: extension.module.raw, name: extension.exportName, ...(isPython ? { isPython } : {}) };
			yield { data: { ...data, ...(nearest === undefined ? {} : { nearest }) }, at: extension.at };
		}
	},
});

/** How programs fetch repositories: with git, in a shell or as arguments, and with packages. */
const signs = [
	/\bgit\b["'`]?\s*[,\s[("'`]+\s*["'`]?(clone|fetch|pull|submodule|worktree)\b/,
	/\bgh\s+repo\s+clone\b/,
	/\.(clone|mirror)\(\s*["'`](https?:|git@|ssh:)/,
	/from\s+["'](degit|tiged|giget|isomorphic-git)["']|require\(["'](degit|tiged|giget|isomorphic-git)["']\)/,
];

const extensionsProvisionsRepo = rule<{ module: string; sign: string; line: number }>({
	id: "extensions.provisions-repo",
	severity: "warning",
	applies: hasExtensions,
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
			const command = signs.map((sign) => sign.exec(code)).find((match) => match !== null);
			if (!command || seen.has(file)) continue;
			seen.add(file);
			const line = code.slice(0, command.index).split("\n").length;
			const sign = command[0].replace(/["'`,[\]()\s]+/g, " ").trim();
			yield { data: { module: extension.module.raw, sign, line }, at: extension.at };
		}
	},
});

/** Removes whole-line comments only; line numbers stay. */
function withoutComments(text: string): string {
	return text.replace(/^[ \t]*(?:\/\/|#|\*).*/gm, "");
}

/** Skips binary modules: running one reports it. */
function extensionModules({ loaded, references, run }: EvalContext) {
	const suites = new Set([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	return [...suites].flatMap((suite) =>
		suite.extensions.flatMap((extension) => {
			if (extension.kind !== "module") return [];
			const reference = references.files.find(({ kind, at }) => kind === "extension" && at === extension.module.at);
			if (reference?.onDisk !== "file") return [];
			const text = textOf(reference.resolved, run);
			return text === undefined ? [] : [{ extension, file: reference.resolved, text }];
		}),
	);
}

function hasExtensions({ loaded }: EvalContext): boolean {
	return loaded.suite.extensions.length > 0 || loaded.tests.some(({ suite }) => suite.extensions.length > 0);
}

export const extensionRules: readonly Rule[] = [extensionsMissingExport, extensionsProvisionsRepo];
