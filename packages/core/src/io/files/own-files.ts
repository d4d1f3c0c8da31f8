import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { writeFlags } from "./open-regular.ts";
import { pathKind } from "./stat-path.ts";

/** Makes a directory in one that is ours. A link in its place is refused: what we write must stay where we mean it. */
export function makeOwnDirectory(path: string): void {
	try {
		mkdirSync(path);
	} catch (error) {
		if (errnoCode(error) !== "EEXIST") throw fileError(path, error);
		const kind = pathKind(path);
		if (kind !== "directory") throw new AgentvError("refused", `${path} is a ${kind}, not a directory of ours`);
	}
}

const flags = writeFlags | constants.O_TRUNC;

/** Writes a file in a directory of ours at once, not through a link. It survives a crash of ours, not one of the machine. */
export function writeOwnFile(path: string, content: string | Uint8Array): void {
	const file = openOwnFile(path);
	try {
		file.write(content);
	} finally {
		file.close();
	}
}

/** The same in pieces. */
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
