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
		// Below a file, with an invalid name, or in a cycle of links, nothing exists at that path.
		const code = errnoCode(error);
		if (code && ["ENOTDIR", "ENAMETOOLONG", "ELOOP", "EINVAL", "ERR_INVALID_ARG_VALUE"].includes(code))
			return "missing";
		if (code === "EACCES" || code === "EPERM") return "other";
		throw resourceError(path, error) ?? error;
	}
}

/** Returns the path's own kind: a link is a `link`. Inaccessible paths are `other`. */
export function pathKind(path: string): PathKind {
	return orMissing(path, () => lstatSync(path, { throwIfNoEntry: false }));
}

/** Follows links: a dangling one is `missing`, a file of `/proc` is `other`. */
export function targetKind(path: string): Exclude<PathKind, "link"> {
	let device = 0;
	const kind = orMissing(path, () => {
		const stat = statSync(path, { throwIfNoEntry: false });
		device = stat?.dev ?? 0;
		return stat;
	});
	return kind === "link" || (kind === "file" && isMadeByKernel(path, device)) ? "other" : kind;
}

/** Returns the size in bytes of the file that `path` resolves to; 0 if inaccessible. */
export function fileSize(path: string): number {
	try {
		return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return 0;
	}
}

/** Returns the device of what `path` resolves to. @throws AgentvError */
export function pathDevice(path: string): number {
	try {
		return statSync(path).dev;
	} catch (error) {
		throw fileError(path, error);
	}
}

/** Resolves every link; of a missing path, those of its deepest existing ancestor. */
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

export function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}
