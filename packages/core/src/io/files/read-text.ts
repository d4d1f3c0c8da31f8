import { isUtf8 } from "node:buffer";
import { AgentvError } from "../../base/agentv-error.ts";
import { type OpenOptions, type OpenRegular, readUpTo, withRegular } from "./open-regular.ts";

export interface ReadOptions extends OpenOptions {
	/** Larger files are rejected. Default 64 MB. */
	readonly maxBytes?: number;
}

const defaultMaxBytes = 64 * 1024 * 1024;

/**
 * Reads a whole regular file.
 * @throws AgentvError `not-found` if missing; `config` if it is a directory, a device, unreadable
 * or over `maxBytes`
 */
export function readBytes(path: string, options: ReadOptions = {}): Buffer {
	const maxBytes = options.maxBytes ?? defaultMaxBytes;
	const read = ({ descriptor, stat }: OpenRegular) => {
		if (stat.size > maxBytes)
			throw new AgentvError("config", `${path} has ${stat.size} bytes, more than the ${maxBytes} allowed`);
		return readUpTo(descriptor, stat.size);
	};
	return withRegular(path, read, options);
}

/**
 * Reads a text file unchanged: byte order mark and CRLF stay, so that text offsets equal file
 * offsets.
 * @throws AgentvError as `readBytes`, and `config` if it is not UTF-8
 */
export function readTextFile(path: string, options: ReadOptions = {}): string {
	const bytes = readBytes(path, options);
	if (!isUtf8(bytes)) {
		throw new AgentvError("config", `${path} is not UTF-8 text`, { hint: "Save the file as UTF-8." });
	}
	return bytes.toString("utf8");
}
