import { createHash, randomBytes } from "node:crypto";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { deflateSync } from "node:zlib";
import { makeDirectories } from "./directories.ts";
import type { Environment } from "./environment.ts";
import { atPath, pathKind, targetKind } from "./files.ts";
import { listTree } from "./find-files.ts";
import { type GitConfig, type LocalGitOptions, localGit, localGitSync } from "./git.ts";
import { readTextFile } from "./read-file.ts";
import { removeFile } from "./write-file.ts";

/** Repositories that AgentV did not create need the options of `foreignRepository`. */
type GitReadOptions = Pick<LocalGitOptions, "env" | "signal" | "config" | "variables">;

/** Doesn't start git. */
export function repositoryRoot(directory: string): string | undefined {
	for (let at = resolve(directory); ; at = dirname(at)) {
		const marker = join(at, ".git");
		// An empty directory named .git is not a repository, neither for git.
		if (targetKind(marker) === "file" || isHead(join(marker, "HEAD"))) return at;
		if (dirname(at) === at) return undefined;
	}
}

/** Accepts a link, which older versions of git created; git would wait for a pipe. */
function isHead(path: string): boolean {
	return ["file", "link"].includes(pathKind(path)) && targetKind(path) !== "other";
}

/** Returns undefined before the first commit. */
export async function headCommit(root: string, options: GitReadOptions): Promise<string | undefined> {
	return query(root, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], options);
}

/** Also for a branch without commits; undefined if HEAD is detached. */
export async function currentBranch(root: string, options: GitReadOptions): Promise<string | undefined> {
	return query(root, ["symbolic-ref", "--quiet", "--short", "HEAD"], options);
}

/** Redact the URL before showing it. */
export async function remoteUrl(root: string, options: GitReadOptions, remote = "origin"): Promise<string | undefined> {
	return query(root, ["config", "--get", `remote.${remote}.url`], options);
}

async function query(root: string, args: readonly string[], options: GitReadOptions): Promise<string | undefined> {
	const { stdout } = await localGit(root, args, { ...options, okExitCodes: [0, 1] });
	return stdout.replace(/\n$/, "") || undefined;
}

/** Includes untracked files but not ignored ones. */
export async function isDirty(root: string, options: GitReadOptions): Promise<boolean> {
	const args = ["status", "--porcelain", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"];
	return (await localGit(root, args, options)).stdout !== "";
}

/** Relative to the root, in byte order. */
export function trackedFilesSync(root: string, options: GitReadOptions): string[] {
	const { stdout } = localGitSync(root, ["ls-files", "-z"], options);
	return stdout.split("\0").filter((path) => path !== "");
}

/** These keys can run a program or redirect git; the first match wins. */
const overrides: readonly (readonly [RegExp, string])[] = [
	[/^filter\..*\.required$/, "false"],
	[/^filter\..*\.(clean|smudge|process)$/, ""],
	[/^merge\..*\.driver$/, "false"],
	[/^core\.fsmonitor$/, "false"],
	[/^core\.sshcommand$/, "ssh"],
	[/^core\.(pager|editor)$|^sequence\.editor$|^pager\./, "cat"],
	[/^gpg\.(.*\.)?program$/, "false"],
	[/^credential\.(.*\.)?helper$/, ""],
	[/^core\.(attributesfile|excludesfile)$/, "/dev/null"],
	[/^(commit|tag|push)\.gpgsign$/, "false"],
	[/^core\.alternaterefscommand$/, "true"],
];

/**
 * For a repository that AgentV did not create (a benchmark's work tree, a workspace after the agent
 * ran): its configuration can name programs to run, so those keys are overridden, and
 * `core.worktree` can't redirect git. `localGit` never runs external diff and textconv programs;
 * nested repositories are not inspected.
 */
export function foreignRepository(root: string, env: Environment): Pick<LocalGitOptions, "config" | "variables"> {
	const variables = { GIT_DIR: join(root, ".git"), GIT_WORK_TREE: root };
	const keys = new Set<string>();
	for (const scope of ["--local", "--worktree"]) {
		const list = ["config", scope, "--includes", "--name-only", "-z", "--list"];
		const { stdout } = localGitSync(root, list, { env, variables, okExitCodes: [0, 128] });
		for (const key of stdout.split("\0")) if (key !== "") keys.add(key);
	}
	const config: (readonly [string, string])[] = [["diff.ignoreSubmodules", "dirty"]];
	for (const key of keys) {
		const override = overrides.find(([pattern]) => pattern.test(key.toLowerCase()));
		if (override) config.push([key, override[1]]);
	}
	return { config: config satisfies GitConfig, variables };
}

/** Git writes these keys into clones; none runs a program or redirects git. */
const harmless =
	/^(core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol)|remote\.origin\.(url|fetch|tagopt|promisor|partialclonefilter)|branch\..*\.(remote|merge)|extensions\.(partialclone|objectformat)|agentv\..*|user\.(name|email)|(advice|gui|pull)\..*)$/;

/**
 * Returns the last value of each key if the file has only what git itself writes into a clone;
 * undefined if it has anything else, or syntax that only git should parse.
 */
export function readPlainConfig(file: string): ReadonlyMap<string, string> | undefined {
	const settings = new Map<string, string>();
	let section = "";
	for (const line of readTextFile(file, { maxBytes: 1_000_000 }).split("\n")) {
		const text = line.trim();
		if (text === "" || text.startsWith("#") || text.startsWith(";")) continue;
		const header = /^\[([A-Za-z0-9-]+)(?: "([^"\\]*)")?\]$/.exec(text);
		if (header) {
			section = (header[1] ?? "").toLowerCase() + (header[2] === undefined ? "" : `.${header[2]}`);
			continue;
		}
		const setting = /^([A-Za-z][A-Za-z0-9-]*)\s*=((?:[^"\\#;])*)$/.exec(text);
		if (!setting) return undefined;
		const key = `${section}.${(setting[1] ?? "").toLowerCase()}`;
		if (!harmless.test(key)) return undefined;
		settings.set(key, (setting[2] ?? "").trimStart());
	}
	return settings;
}

interface PlainHead {
	readonly branch: string | undefined;
	readonly sha: string | undefined;
}

const object = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** Returns undefined for a syntax that only git should parse. */
export function readPlainHead(gitDir: string): PlainHead | undefined {
	const text = readTextFile(join(gitDir, "HEAD"), { maxBytes: 10_000 }).trim();
	if (object.test(text)) return { branch: undefined, sha: text };
	const branch = /^ref: refs\/heads\/(.+)$/.exec(text)?.[1];
	// Git writes this for another ref storage format.
	return branch === undefined || branch === ".invalid" ? undefined : { branch, sha: undefined };
}

/** Takes a tenth of the time of a git process. Returns undefined if anything looks unusual. */
export function readPlainRefs(gitDir: string, prefixes: readonly string[]): Map<string, string> | undefined {
	const refs = readPacked(gitDir, prefixes);
	if (!refs) return undefined;
	for (const prefix of prefixes) {
		const path = join(gitDir, prefix);
		const names =
			targetKind(path) === "directory"
				? listTree(path, { filter: (_, kind) => kind === "file" || kind === "directory" }).map(
						(entry) => `${prefix.replace(/\/$/, "")}/${entry.path}`,
					)
				: [prefix];
		for (const name of names) {
			if (name.endsWith(".lock") || targetKind(join(gitDir, name)) !== "file") continue;
			const text = readTextFile(join(gitDir, name), { maxBytes: 10_000 }).trim();
			if (text.startsWith("ref: ")) continue;
			if (!object.test(text)) return undefined;
			refs.set(name, text);
		}
	}
	return refs;
}

function readPacked(gitDir: string, prefixes: readonly string[]): Map<string, string> | undefined {
	const refs = new Map<string, string>();
	const file = join(gitDir, "packed-refs");
	if (targetKind(file) !== "file") return refs;
	for (const line of readTextFile(file).split("\n")) {
		if (line === "" || line.startsWith("#") || line.startsWith("^")) continue;
		const space = line.indexOf(" ");
		const [sha, name] = [line.slice(0, space), line.slice(space + 1)];
		if (!object.test(sha)) return undefined;
		if (prefixes.some((prefix) => name === prefix || (prefix.endsWith("/") && name.startsWith(prefix))))
			refs.set(name, sha);
	}
	return refs;
}

interface GitTreeEntry {
	readonly name: string;
	readonly mode: "100644" | "100755" | "120000" | "40000";
	readonly sha: string;
}

/** Works without git; returns the SHA-1. */
export function writeGitObject(objects: string, type: "blob" | "tree", content: Uint8Array): string {
	const bytes = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
	const sha = createHash("sha1").update(bytes).digest("hex");
	const directory = join(objects, sha.slice(0, 2));
	const path = join(directory, sha.slice(2));
	if (existsSync(path)) return sha;
	const staged = `${path}.${randomBytes(4).toString("hex")}`;
	atPath(path, () => {
		makeDirectories(directory);
		writeFileSync(staged, deflateSync(bytes, { level: 1 }), { flag: "wx" });
		renameSync(staged, path);
	});
	return sha;
}

export function writeGitTree(objects: string, entries: readonly GitTreeEntry[]): string {
	// Git sorts a directory as if its name ended in a slash.
	const keyed = entries.map((entry) => ({ entry, key: Buffer.from(entry.name + (entry.mode === "40000" ? "/" : "")) }));
	keyed.sort((left, right) => Buffer.compare(left.key, right.key));
	const parts = keyed.flatMap(({ entry: { mode, name, sha } }) => [
		Buffer.from(`${mode} ${name}\0`),
		Buffer.from(sha, "hex"),
	]);
	return writeGitObject(objects, "tree", Buffer.concat(parts));
}

/** Removes those of a killed git since `since`. @throws AgentvError */
export function removeUnfinishedObjects(gitDir: string, since = 0): void {
	const objects = join(gitDir, "objects");
	if (pathKind(objects) !== "directory") return;
	const entries = listTree(objects, {
		filter: (path, kind) => kind === "directory" || /(^|\/)(tmp_|\.tmp-)[^/]+$/.test(path),
	});
	for (const { path, kind, mtimeMs } of entries)
		if (kind === "file" && mtimeMs >= since) removeFile(join(objects, path));
}
