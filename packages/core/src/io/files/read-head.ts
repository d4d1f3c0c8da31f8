import { closeSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { AgentvError } from "../../base/agentv-error.ts";
import { fileError } from "./file-error.ts";
import { type OpenOptions, type OpenRegular, openRegular, readUpTo } from "./open-regular.ts";

export interface FileHead {
	/** The first bytes as UTF-8; a character at the limit is dropped. */
	readonly text: string;
	readonly cut: boolean;
	/** Size of the whole file. */
	readonly size: number;
}

/**
 * Returns the first `maxBytes` of a file; undefined if there is none. @throws AgentvError if it is
 * unreadable
 */
export function readHead(path: string, maxBytes: number, options: OpenOptions = {}): FileHead | undefined {
	let file: OpenRegular;
	try {
		file = openRegular(path, options);
	} catch (error) {
		if (error instanceof AgentvError && error.code === "not-found") return undefined;
		throw error;
	}
	try {
		const { size } = file.stat;
		const bytes = readUpTo(file.descriptor, Math.min(size, maxBytes));
		const cut = size > maxBytes;
		return { text: cut ? new StringDecoder("utf8").write(bytes) : bytes.toString("utf8"), cut, size };
	} catch (error) {
		throw fileError(path, error);
	} finally {
		closeSync(file.descriptor);
	}
}
