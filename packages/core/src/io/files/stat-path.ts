import { accessSync, constants, lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoCode, fileError, resourceError } from "./file-error.ts";
import { isMadeByKernel } from "./kernel-files.ts";

export type PathKind = "file" | "directory" | "link" | "other" | "missing";

function kindOf(stat: Stats | undefined): PathKind {
	if (!stat) return "missing";
	if (stat.isFile()) return "file";
	if (stat.isDirectory()) return "directory";
	return stat.isSymbolicLink() ? "link" : "other";
}

function orMissing(path: string, look: () => Stats | undefined): PathKind {
	try {
		return kindOf(look());
	} catch (error) {
		// Below a file, a name that no file can have, or a circle of links: there is nothing at that path.
		const code = errnoCode(error);
		if (code && ["ENOTDIR", "ENAMETOOLONG", "ELOOP", "EINVAL", "ERR_INVALID_ARG_VALUE"].includes(code))
			return "missing";
		if (code === "EACCES" || code === "EPERM") return "other";
		throw resourceError(path, error) ?? error;
	}
}

/** What `path` itself is: a symbolic link is a `link`, wherever it points. What may not be looked at is `other`. */
export function pathKind(path: string): PathKind {
	return orMissing(path, () => lstatSync(path, { throwIfNoEntry: false }));
}

/** What `path` leads to, links followed: never `link`; a dangling link is `missing`, a file of `/proc` is `other`. */
export function targetKind(path: string): Exclude<PathKind, "link"> {
	let device = 0;
	const kind = orMissing(path, () => {
		const stat = statSync(path, { throwIfNoEntry: false });
		device = stat?.dev ?? 0;
		return stat;
	});
	return kind === "link" || (kind === "file" && isMadeByKernel(path, device)) ? "other" : kind;
}

/** The bytes of the file that `path` leads to; 0 where nothing can be looked at. */
export function fileSize(path: string): number {
	try {
		return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return 0;
	}
}

/** The device that holds what `path` leads to. @throws AgentvError */
export function pathDevice(path: string): number {
	try {
		return statSync(path).dev;
	} catch (error) {
		throw fileError(path, error);
	}
}

/**
 * The path with every link resolved. What does not exist yet is allowed: then its deepest existing ancestor is resolved
 * and the rest appended.
 */
export function realPath(path: string): string {
	try {
		return realpathSync.native(path);
	} catch (error) {
		const parent = dirname(path);
		const code = errnoCode(error);
		if ((code !== "ENOENT" && code !== "ENOTDIR") || parent === path) throw fileError(path, error);
		return join(realPath(parent), basename(path));
	}
}

/** Whether the file may be executed by us. */
export function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
