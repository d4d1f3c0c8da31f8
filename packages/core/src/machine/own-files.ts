import { accessSync, closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, writeSync } from "node:fs";
import { dirname, join, parse, relative, resolve, sep } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { errnoCode, fileError, isResourceError, pathKind, targetKind } from "./files.ts";
import { writeFlags } from "./read-file.ts";

/** Folds what file systems can fold: letter case and Unicode composition. */
function folded(name: string): string {
	return name.normalize("NFC").toLowerCase();
}

function namesIn(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch (error) {
		if (errnoCode(error) === undefined || isResourceError(error)) throw fileError(directory, error);
		return [];
	}
}

/**
 * Returns how a path is spelled on disk: the (resolved) path itself if it matches exactly, another
 * spelling if only case or composition differ, undefined if nothing of that name exists. The result
 * is the same on case-sensitive and case-insensitive file systems. Components above `below`
 * (default: the file system's root) are not checked.
 */
export function existingCase(path: string, below?: string): string | undefined {
	const asked = resolve(path);
	let found = below === undefined ? parse(asked).root : resolve(below);
	for (const part of relative(found, asked).split(sep)) {
		if (part === "" || part === "..") {
			found = join(found, part);
			continue;
		}
		const names = namesIn(found);
		const name = names.includes(part) ? part : names.find((candidate) => folded(candidate) === folded(part));
		if (name === undefined) return undefined;
		found = join(found, name);
	}
	return found;
}

/** Returns the topmost missing directory, which is what to remove after a failure. */
export function missingParent(directory: string): string | undefined {
	if (targetKind(directory) !== "missing") return undefined;
	return missingParent(dirname(directory)) ?? directory;
}

/** Checks the path itself, not a link's target; true on systems without users. */
export function isOurs(path: string): boolean {
	try {
		const user = process.getuid?.();
		return user === undefined || lstatSync(path).uid === user;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}

/** Returns whether the directory `path` is writable, or can be created. Changes nothing. */
export function isWritableDirectory(path: string): boolean {
	const kind = targetKind(path);
	const parent = dirname(path);
	if (kind === "missing") return parent !== path && isWritableDirectory(parent);
	if (kind !== "directory") return false;
	try {
		accessSync(path, constants.W_OK | constants.X_OK);
		return true;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return false;
	}
}

/** Rejects a link in its place: writes must not be redirected. */
export function makeOwnDirectory(path: string): void {
	try {
		mkdirSync(path);
	} catch (error) {
		if (errnoCode(error) !== "EEXIST") throw fileError(path, error);
		const kind = pathKind(path);
		if (kind !== "directory")
			throw new AgentvError("refused", `${path} is a ${kind}, not a directory created by AgentV`);
	}
}

const flags = writeFlags | constants.O_TRUNC;

/** Survives a crash of the process, not of the machine. Doesn't follow a link. */
export function writeOwnFile(path: string, content: string | Uint8Array): void {
	const file = openOwnFile(path);
	try {
		file.write(content);
	} finally {
		file.close();
	}
}

/** Like `writeOwnFile`, in chunks. */
export function openOwnFile(path: string): { write(content: string | Uint8Array): void; close(): void } {
	let descriptor: number;
	try {
		descriptor = openSync(path, flags, 0o644);
	} catch (error) {
		throw fileError(path, error);
	}
	return {
		write(content) {
			const bytes = typeof content === "string" ? Buffer.from(content) : content;
			try {
				for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
			} catch (error) {
				throw fileError(path, error);
			}
		},
		close: () => closeSync(descriptor),
	};
}
