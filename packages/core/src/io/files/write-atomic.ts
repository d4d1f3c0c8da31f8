import {
	accessSync,
	closeSync,
	constants,
	fchmodSync,
	fsyncSync,
	openSync,
	readlinkSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { fileError } from "./file-error.ts";
import { besideName } from "./staged-files.ts";
import { pathKind, realPath } from "./stat-path.ts";
import { syncDirectory } from "./sync-directory.ts";
import { writePieces } from "./write-text-pieces.ts";

/** A file's content; a long text as chunks, so that it is never in memory as a whole. */
export type FileContent = string | Uint8Array | Iterable<string>;

export interface WriteOptions {
	/** Of a new file; an existing one keeps its own. Default 0o644 less the umask. */
	readonly mode?: number;
	/** Replaces a link, pipe or device that another program put at the path. */
	readonly noFollow?: boolean;
}

/** Returns the file that writing to `path` changes, following links. */
export function writeTarget(path: string): string {
	let target = resolve(path);
	for (let hops = 0; hops < 40 && pathKind(target) === "link"; hops++) {
		target = resolve(realPath(dirname(target)), readlinkSync(target));
	}
	return join(realPath(dirname(target)), basename(target));
}

/** Writes a new, synced neighbor of `target`; the caller renames or removes it. */
export function stageBeside(target: string, content: FileContent, options: WriteOptions = {}): string {
	const staged = besideName(target);
	const existing = pathKind(target) === "file" ? statSync(target) : undefined;
	const mode = existing ? existing.mode & 0o7777 : options.mode;
	const descriptor = openSync(staged, "wx", mode ?? 0o666);
	try {
		if (mode !== undefined) fchmodSync(descriptor, mode);
		if (typeof content === "string" || content instanceof Uint8Array) writeFileSync(descriptor, content);
		else writePieces(descriptor, content);
		fsyncSync(descriptor);
	} catch (error) {
		rmSync(staged, { force: true });
		throw error;
	} finally {
		closeSync(descriptor);
	}
	return staged;
}

/**
 * Replaces a file atomically: written to a neighbor, synced, renamed. Readers see the old or the
 * new content, never a part.
 * Writing to a symbolic link changes the file it points to and keeps the link, unless `noFollow`.
 * Only regular files are replaced. The directory must exist.
 * @throws AgentvError `not-found` or `config` with the path; the old content is then untouched
 */
export function writeAtomic(path: string, content: string | Uint8Array, options: WriteOptions = {}): void {
	let staged: string | undefined;
	try {
		const target = options.noFollow ? resolve(path) : writeTarget(path);
		const kind = pathKind(target);
		// For example a device that a link at the path points to.
		if (kind === "other" && !options.noFollow) throw new AgentvError("config", `${path} is not a regular file`);
		// Renaming only checks the directory; a file that was made read-only is meant to stay
		// unchanged.
		if (kind === "file" || kind === "directory") accessSync(target, constants.W_OK);
		staged = stageBeside(target, content, options);
		renameSync(staged, target);
		syncDirectory(dirname(target));
	} catch (error) {
		if (staged) rmSync(staged, { force: true });
		throw fileError(path, error);
	}
}
