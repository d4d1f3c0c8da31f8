import { closeSync, constants, fstatSync, fsyncSync, lstatSync, openSync, writeSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { writeFlags } from "./open-regular.ts";

/** When `append` returns, the data survives a crash of the process. */
export interface AppendFile {
	readonly path: string;
	append(content: string | Uint8Array): void;
	/** Returns whether the path still refers to this file. */
	isInPlace(): boolean;
	/** Makes the appended data survive a power failure. */
	sync(): void;
	close(): void;
}

/**
 * Opens (or creates, with `mode`) a file for appending; its directory must exist. @throws
 * AgentvError if it is not a regular file
 */
export function openAppendFile(path: string, options: { readonly mode?: number } = {}): AppendFile {
	const guarded = <T>(work: () => T): T => {
		try {
			return work();
		} catch (error) {
			throw fileError(path, error);
		}
	};
	const descriptor = guarded(() => openSync(path, writeFlags | constants.O_APPEND, options.mode ?? 0o666));
	if (!fstatSync(descriptor).isFile()) {
		closeSync(descriptor);
		throw new AgentvError("config", `${path} is not a regular file`);
	}
	let isOpen = true;
	return {
		path,
		append(content) {
			const bytes = typeof content === "string" ? Buffer.from(content) : content;
			guarded(() => {
				for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
			});
		},
		isInPlace() {
			const own = fstatSync(descriptor, { bigint: true });
			try {
				const there = lstatSync(path, { bigint: true, throwIfNoEntry: false });
				return there?.dev === own.dev && there.ino === own.ino;
			} catch (error) {
				if (errnoCode(error) === undefined) throw error;
				return false;
			}
		},
		sync: () => guarded(() => fsyncSync(descriptor)),
		close() {
			if (isOpen) closeSync(descriptor);
			isOpen = false;
		},
	};
}
