import { isUtf8 } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { fileError } from "./file-error.ts";

export interface ReadOptions {
	/** Files larger than this are refused. Default 64 MB. */
	readonly maxBytes?: number;
}

const defaultMaxBytes = 64 * 1024 * 1024;

/**
 * Reads a regular file whole (symbolic links followed).
 * @throws AgentvError `not-found` when missing; `config` when it is a directory, a device, unreadable or over `maxBytes`.
 */
export function readBytes(path: string, options: ReadOptions = {}): Buffer {
	const maxBytes = options.maxBytes ?? defaultMaxBytes;
	let descriptor: number;
	try {
		// Non-blocking, so that opening a named pipe returns at once and can be refused.
		descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
	} catch (error) {
		throw fileError(path, error);
	}
	try {
		const stat = fstatSync(descriptor);
		if (stat.isDirectory()) throw new AgentvError("config", `${path} is a directory, not a file`);
		if (!stat.isFile()) throw new AgentvError("config", `${path} is not a regular file`);
		if (stat.size > maxBytes) {
			throw new AgentvError("config", `${path} has ${stat.size} bytes, more than the ${maxBytes} allowed`);
		}
		return readFileSync(descriptor);
	} catch (error) {
		throw fileError(path, error);
	} finally {
		closeSync(descriptor);
	}
}

/**
 * Reads a text file as it is: byte order mark and CRLF stay, so that offsets into the text are offsets into the file.
 * @throws AgentvError as `readBytes`, and `config` when the bytes are not UTF-8.
 */
export function readTextFile(path: string, options: ReadOptions = {}): string {
	const bytes = readBytes(path, options);
	if (!isUtf8(bytes)) {
		throw new AgentvError("config", `${path} is not UTF-8 text`, { hint: "Save the file as UTF-8." });
	}
	return bytes.toString("utf8");
}
