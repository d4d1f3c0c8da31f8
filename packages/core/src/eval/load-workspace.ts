import { basename, dirname, posix } from "node:path";
import type { z } from "zod";
import type { CommandText } from "../format/codec.ts";
import {
	type AgentRulesEntry,
	extensionSchema,
	type HookEntry,
	hooksSchema,
	type RepoEntry,
	type WorkspaceEntry,
	workspaceSchema,
} from "../format/target-file.ts";
import type { DocumentPath } from "../lib/errors.ts";
import { exactData } from "../lib/json.ts";
import type { CommandSpec } from "./command.ts";
import {
	type AgentRuleKind,
	type BuiltInAssertion,
	type Extension,
	type Hook,
	type HookName,
	type Hooks,
	hookNames,
	type Workspace,
	type WorkspaceRepo,
} from "./eval-types.ts";
import type { Loading } from "./loading.ts";
import { type LoadLog, type PathText, type ReferenceKind, readShape } from "./read-shape.ts";
import { child, type Part, placeOf } from "./source.ts";

/** It is an object, a template directory, or the path of an external file. */
export function readWorkspace(part: Part, base: string, loading: Loading): Workspace | undefined {
	if (typeof part.value !== "string") return readWorkspaceObject(part, base, loading);
	const { at } = part;
	if (!/\.ya?ml$/.test(part.value))
		return { ...emptyWorkspace, template: { kind: "template", raw: part.value, at, base }, at };
	const path: PathText = { kind: "workspace-file", raw: part.value, at, base };
	const opened = loading.open(path);
	const outer = opened?.source.parts[0];
	if (!opened || !outer || outer.value === undefined) return undefined;
	const nested =
		(outer.value as { workspace?: unknown } | null)?.workspace === undefined ? outer : child(outer, "workspace");
	const workspace = readWorkspaceObject(nested, dirname(opened.resolved), loading);
	return workspace && { ...workspace, file: path };
}

const emptyWorkspace = { isolation: "shared", repos: [], hooks: {}, env: {} } as const;

function readWorkspaceObject(part: Part, base: string, loading: Loading): Workspace | undefined {
	const entry = readShape(workspaceSchema, part, loading);
	if (!entry) return undefined;
	return {
		...emptyWorkspace,
		template:
			entry.template === undefined
				? undefined
				: { kind: "template", raw: entry.template, at: placeOf(part, ["template"]), base },
		isolation: isolationOf(entry),
		repos: (entry.repos ?? []).map((repo, index) => readRepo(repo, child(part, "repos", index), base, loading)),
		hooks: entry.hooks ? hooksOf(entry.hooks, child(part, "hooks"), base) : {},
		env: entry.env ?? {},
		at: part.at,
	};
}

function isolationOf(entry: WorkspaceEntry): Workspace["isolation"] {
	return entry.isolation ?? (entry.mode === "temp" || entry.mode === "per_test" ? "per_test" : "shared");
}

function readRepo(entry: RepoEntry, part: Part, base: string, loading: Loading): WorkspaceRepo {
	const repo = entry.repo ?? entry.source?.url ?? entry.source?.path ?? "";
	if (repo === "")
		loading.shape(
			part.at,
			"repos",
			"a repository needs `repo`: org/name, a URL, or a path that begins with `.`, `/` or `~`",
		);
	if (entry.path !== undefined && leavesWorkspace(entry.path))
		loading.shape(placeOf(part, ["path"]), "path", `${JSON.stringify(entry.path)} is outside the workspace`);
	else if (entry.path?.split(/[\\/]/).some((name) => name.toLowerCase() === ".git"))
		loading.shape(placeOf(part, ["path"]), "path", `${JSON.stringify(entry.path)} is inside git's own directory`);
	const at =
		entry.repo === undefined && entry.source
			? placeOf(part, ["source", entry.source.url === undefined ? "path" : "url"])
			: placeOf(part, ["repo"]);
	const commitPath = (
		entry.commit === undefined && entry.baseCommit === undefined
			? ["checkout", "ref"]
			: [entry.commit === undefined ? "base_commit" : "commit"]
	) satisfies DocumentPath;
	const commit = entry.commit ?? entry.baseCommit ?? entry.checkout?.ref;
	const sparse = entry.sparse ?? entry.clone?.sparse;
	return {
		path: (entry.path ?? "").replace(/^(\.\/)+/, "").replace(/(?<!\/)\/+$/, ""),
		repo,
		repoAt: at,
		local: /^[.~/]/.test(repo) ? { kind: "repository", raw: repo, at, base } : undefined,
		commit,
		commitAt: commit === undefined ? undefined : placeOf(part, commitPath),
		sparse,
		ancestor: entry.ancestor ?? entry.checkout?.ancestor ?? 0,
		at: part.at,
	};
}

function leavesWorkspace(path: string): boolean {
	const way = posix.normalize(path.replaceAll("\\", "/"));
	return way.startsWith("/") || /^[a-z]:/i.test(way) || way === ".." || way.startsWith("../");
}

export function readHooks(part: Part, base: string, log: LoadLog): Hooks {
	const entry = readShape(hooksSchema, part, log);
	return entry ? hooksOf(entry, part, base) : {};
}

function hooksOf(entry: z.output<typeof hooksSchema>, part: Part, base: string): Hooks {
	if (entry.enabled === false) return {};
	const hooks: Partial<Record<HookName, Hook>> = {};
	for (const name of hookNames) {
		const hook = entry[name];
		if (hook !== undefined) hooks[name] = readHook(hook, child(part, wireHookNames[name]), base);
	}
	return hooks;
}

export const wireHookNames: Readonly<Record<HookName, string>> = {
	beforeAll: "before_all",
	beforeEach: "before_each",
	afterEach: "after_each",
	afterAll: "after_all",
};

function readHook(value: HookEntry | CommandText, part: Part, base: string): Hook {
	if (typeof value === "string" || Array.isArray(value))
		return { command: readCommand("hook", value, part, base), at: part.at };
	const key = value.command === undefined ? "script" : "command";
	const text = value.command ?? value.script;
	return {
		command: text === undefined ? undefined : commandOf("hook", text, part, key, value.cwd, base),
		timeoutMs: value.timeoutMs,
		reset: value.reset,
		at: part.at,
	};
}

const ruleKinds: readonly AgentRuleKind[] = ["skills", "hooks", "agents", "rules"];

export function readExtension(part: Part, base: string, loading: Loading): Extension | undefined {
	const entry = readShape(extensionSchema, part, loading);
	if (entry === undefined) return undefined;
	if (typeof entry === "string") {
		if (entry === "agentv:agent-rules") return { kind: "agent-rules", hook: "beforeAll", at: part.at };
		const split = /^(.*):([A-Za-z]+)$/s.exec(entry);
		const exportName = hookNames.find((name) => name === split?.[2]);
		if (!split || !exportName || entry.startsWith("agentv:")) {
			loading.shape(
				part.at,
				"extension",
				`expected "file://path/to/module.mjs:beforeAll" (${hookNames.join(", ")}) or "agentv:agent-rules", got ${JSON.stringify(entry)}`,
			);
			return undefined;
		}
		return {
			kind: "module",
			module: { kind: "extension", raw: split[1] as string, at: part.at, base },
			exportName,
			at: part.at,
		};
	}
	const { id, timeoutMs, ...others } = entry;
	if (id.startsWith("file://") && Object.values(others).every((value) => value === undefined)) {
		const module = readExtension(child(part, "id"), base, loading);
		return module?.kind === "module" && timeoutMs !== undefined ? { ...module, timeoutMs } : module;
	}
	if (entry.id !== "agentv:agent-rules") {
		loading.shape(
			placeOf(part, ["id"]),
			"extension",
			`unknown extension ${JSON.stringify(entry.id)}; the built-in one is "agentv:agent-rules"`,
		);
		return undefined;
	}
	const paths = rulePaths(entry, part, base, loading);
	return {
		kind: "agent-rules",
		hook: entry.hook ?? "beforeAll",
		paths: Object.keys(paths).length > 0 ? paths : undefined,
		at: part.at,
	};
}

/** The paths are staged by base name, which must be unique per kind. */
function rulePaths(
	entry: AgentRulesEntry,
	part: Part,
	base: string,
	loading: Loading,
): Partial<Record<AgentRuleKind, PathText[]>> {
	const paths: Partial<Record<AgentRuleKind, PathText[]>> = {};
	for (const kind of ruleKinds) {
		const written = child(part, kind);
		const names = new Map<string, string>();
		entry[kind]?.forEach((raw, index) => {
			const at = Array.isArray(written.value) ? placeOf(part, [kind, index]) : written.at;
			const first = names.get(basename(raw));
			if (first === undefined) names.set(basename(raw), raw);
			else
				loading.shape(
					at,
					kind,
					`${JSON.stringify(first)} and ${JSON.stringify(raw)} have the same file name, which must be unique`,
				);
			paths[kind] = [...(paths[kind] ?? []), { kind: "agent-rules", raw, at, base }];
		});
	}
	return paths;
}

export function readCommand(kind: ReferenceKind, text: CommandText, part: Part, base: string): CommandSpec {
	const written = part.unfilled([]);
	// A variable without a value stays as written, unlike the same text in a value.
	const hasVariables = isCommandText(written) && (String(written) !== String(text) || String(written).includes("${{"));
	return { kind, text, at: part.at, base, written: hasVariables ? { text: written, fill: part.fill } : undefined };
}

export function commandOf(
	kind: ReferenceKind,
	text: CommandText,
	part: Part,
	key: string,
	cwd: string | undefined,
	base: string,
): CommandSpec {
	const command = readCommand(kind, text, child(part, key), base);
	return cwd === undefined
		? command
		: { ...command, cwd: { kind: "working-directory", raw: cwd, at: placeOf(part, ["cwd"]), base } };
}

export function isCommandText(value: unknown): value is string | string[] {
	return (
		typeof value === "string" ||
		(Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === "string"))
	);
}

type CodeGrader = Extract<BuiltInAssertion, { type: "code-grader" }>;

export function readCodeGrader(
	assertion: CodeGrader,
	part: Part,
	base: string,
	loading: Loading,
): CodeGrader | undefined {
	const { script, command = script, cwd, timeoutMs: _, ...rest } = assertion.settings;
	if (command === undefined) {
		loading.shape(placeOf(part, ["command"]), "command", "is required (text or a list of words)");
		return undefined;
	}
	const key = assertion.settings.command === undefined ? "script" : "command";
	return {
		...assertion,
		settings: { ...rest, ...configOf(rest, part), ...timeoutOf(assertion.settings) },
		command: commandOf("grader", command, part, key, cwd, base),
	};
}

export function configOf({ config }: { config?: Readonly<Record<string, unknown>> | undefined }, part: Part) {
	return config ? { config: exactData(config, child(part, "config").written) } : {};
}

export function timeoutOf({
	timeoutSeconds,
	timeoutMs,
}: {
	timeoutSeconds?: number | undefined;
	timeoutMs?: number | undefined;
}) {
	const seconds = timeoutSeconds ?? (timeoutMs === undefined ? undefined : timeoutMs / 1000);
	return seconds === undefined ? {} : { timeoutSeconds: seconds };
}
