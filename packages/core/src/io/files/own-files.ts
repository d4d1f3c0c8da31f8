import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { writeFlags } from "./open-regular.ts";
import { pathKind } from "./stat-path.ts";

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
