import type { FindingKind } from "../base/diagnostic.ts";

/** What bundling may find, each stated once. Errors stop it, all of them at once. */

const quote = (text: string) => JSON.stringify(text);

export const referenceMissing: FindingKind<{ raw: string; kind: string; lookedIn: string }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, kind, lookedIn }) => `${kind} ${quote(raw)} does not exist (looked in ${lookedIn})`,
	hint: () => "paths are relative to the file that contains them",
};

export const argumentMissing: FindingKind<{ raw: string }> = {
	rule: "path.missing",
	severity: "warning",
	message: ({ raw }) => `the argument ${quote(raw)} is not a file, so nothing is bundled for it`,
};

export const linkEscapes: FindingKind<{ path: string; target: string }> = {
	rule: "path.symlink-escape",
	severity: "error",
	message: ({ path, target }) => `the link ${path} points outside its tree, to ${quote(target)}`,
	hint: () => "a bundle only keeps links to its own files: make it relative, with a target inside",
};

export const outsideRepository: FindingKind<{ raw: string; path: string }> = {
	rule: "path.outside-repo",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} is outside the repository; it is copied from this machine`,
};

export const machinePath: FindingKind<{ raw: string }> = {
	rule: "path.absolute",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} stays a path on this machine: the bundle needs it wherever it runs`,
};

export const opaqueCommand: FindingKind<{ command: string }> = {
	rule: "path.opaque",
	severity: "warning",
	message: ({ command }) =>
		`the files of a shell command can't be determined: ${quote(command.length > 80 ? `${command.slice(0, 79)}…` : command)}`,
	hint: () => "write the command as a list, or list the files it needs under `bundle.include` or with --include",
};

export const partialDirectory: FindingKind<{ path: string }> = {
	rule: "path.outside-eval",
	severity: "warning",
	message: ({ path }) =>
		`${quote(path)} contains the eval itself: only files of that directory that are known to be needed are bundled`,
	hint: () => "list additional files under `bundle.include`, or with --include",
};

export const metadataAbove: FindingKind<{ raw: string }> = {
	rule: "bundle.metadata-path",
	severity: "warning",
	message: ({ raw }) =>
		`the metadata refers to ${quote(raw)}, which is above the eval: scripts will not find it in the bundle`,
	hint: () => "move the file into the eval's directory",
};

export const variablePath: FindingKind<{ names: readonly string[]; path: string }> = {
	rule: "env.path",
	severity: "warning",
	message: ({ names, path }) => `the path depends on ${names.join(", ")}; the bundle keeps the current one: ${path}`,
};

export const variableChoice: FindingKind<{ names: readonly string[]; target: string }> = {
	rule: "targets.chosen-by-variable",
	severity: "warning",
	message: ({ names, target }) =>
		`${names.join(", ")} selected the target ${quote(target)}; the bundle keeps that selection`,
	hint: () => "--target NAME selects another",
};

export const dotEnvFile: FindingKind<{ path: string }> = {
	rule: "bundle.dot-env",
	severity: "error",
	message: ({ path }) => `${path} would be bundled, but files of this name contain secrets`,
	hint: () => "move it elsewhere, or add it with --include if it contains none",
};

export const caseCollision: FindingKind<{ first: string; second: string }> = {
	rule: "bundle.case-collision",
	severity: "error",
	message: ({ first, second }) =>
		`${first} and ${second} differ only in letter case: one would replace the other on case-insensitive file systems`,
};

export const pathCollision: FindingKind<{ path: string; first: string; second: string }> = {
	rule: "bundle.collision",
	severity: "error",
	message: ({ path, first, second }) => `${first} and ${second} would both be ${quote(path)} in the bundle`,
	hint: () => "rename one of them",
};

export const specialFile: FindingKind<{ path: string }> = {
	rule: "bundle.special-file",
	severity: "error",
	message: ({ path }) => `${path} is not a file, directory or link`,
};

export const unpinned: FindingKind<{ repo: string; requested: string | null }> = {
	rule: "repos.unpinned",
	severity: "warning",
	message: ({ repo, requested }) =>
		`${repo} is not pinned: ${requested === null ? "its default branch" : quote(requested)} can move to another commit`,
	hint: () => "--pin writes its current commit",
};

export const localRepository: FindingKind<{ repo: string }> = {
	rule: "repos.local",
	severity: "warning",
	message: ({ repo }) => `${repo} is a repository on this machine; it is bundled as a git bundle file`,
};
