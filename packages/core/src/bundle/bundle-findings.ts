import type { FindingKind } from "../base/diagnostic.ts";

/** What bundling may find, each stated once. Errors stop it, all of them at once. */

const quote = (text: string) => JSON.stringify(text);

export const referenceMissing: FindingKind<{ raw: string; kind: string; lookedIn: string }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, kind, lookedIn }) => `${kind} ${quote(raw)} does not exist (looked in ${lookedIn})`,
	hint: () => "paths are relative to the file they are written in",
};

export const argumentMissing: FindingKind<{ raw: string }> = {
	rule: "path.missing",
	severity: "warning",
	message: ({ raw }) => `the argument ${quote(raw)} names no file, so nothing is bundled for it`,
};

export const linkEscapes: FindingKind<{ path: string; target: string }> = {
	rule: "path.symlink-escape",
	severity: "error",
	message: ({ path, target }) => `the link ${path} leads out of its tree, to ${quote(target)}`,
	hint: () => "a bundle keeps links, but only to what it holds: make it relative, to a target inside",
};

export const outsideRepository: FindingKind<{ raw: string; path: string }> = {
	rule: "path.outside-repo",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} lies outside the repository; it is copied from this machine`,
};

export const machinePath: FindingKind<{ raw: string }> = {
	rule: "path.absolute",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} stays a path of this machine: the bundle needs it wherever it runs`,
};

export const opaqueCommand: FindingKind<{ command: string }> = {
	rule: "path.opaque",
	severity: "warning",
	message: ({ command }) =>
		`the files of a shell command can't be known: ${quote(command.length > 80 ? `${command.slice(0, 79)}…` : command)}`,
	hint: () => "write the command as a list, or name the files it needs under `bundle.include` or with --include",
};

export const partialDirectory: FindingKind<{ path: string }> = {
	rule: "path.outside-eval",
	severity: "warning",
	message: ({ path }) =>
		`${quote(path)} holds the eval itself: of that directory only files known to be needed are bundled`,
	hint: () => "name further files under `bundle.include`, or with --include",
};

export const metadataAbove: FindingKind<{ raw: string }> = {
	rule: "bundle.metadata-path",
	severity: "warning",
	message: ({ raw }) =>
		`the metadata names ${quote(raw)}, which lies above the eval: a script will not find it in the bundle`,
	hint: () => "move the file into the eval's directory",
};

export const variablePath: FindingKind<{ names: readonly string[]; path: string }> = {
	rule: "env.path",
	severity: "warning",
	message: ({ names, path }) => `the path depends on ${names.join(", ")}; the bundle keeps today's: ${path}`,
};

export const variableChoice: FindingKind<{ names: readonly string[]; target: string }> = {
	rule: "targets.chosen-by-variable",
	severity: "warning",
	message: ({ names, target }) => `${names.join(", ")} chose the target ${quote(target)}; the bundle keeps that choice`,
	hint: () => "--target NAME chooses another",
};

export const dotEnvFile: FindingKind<{ path: string }> = {
	rule: "bundle.dot-env",
	severity: "error",
	message: ({ path }) => `${path} would be bundled, and files of this name hold secrets`,
	hint: () => "take it out of there, or name it with --include if it holds none",
};

export const caseCollision: FindingKind<{ first: string; second: string }> = {
	rule: "bundle.case-collision",
	severity: "error",
	message: ({ first, second }) =>
		`${first} and ${second} differ only in letter case: one would replace the other elsewhere`,
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
	message: ({ path }) => `${path} is neither file, directory nor link`,
};

export const unpinned: FindingKind<{ repo: string; requested: string | null }> = {
	rule: "repos.unpinned",
	severity: "warning",
	message: ({ repo, requested }) =>
		`${repo} is not pinned: ${requested === null ? "its default branch" : quote(requested)} may be another commit tomorrow`,
	hint: () => "--pin writes the commit it stands at today",
};

export const localRepository: FindingKind<{ repo: string }> = {
	rule: "repos.local",
	severity: "warning",
	message: ({ repo }) => `${repo} is a repository on this machine; it is put into the bundle as a git bundle file`,
};
