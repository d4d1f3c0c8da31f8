import { isUtf8 } from "node:buffer";
import { AgentvError } from "../../base/agentv-error.ts";
import { type OpenOptions, type OpenRegular, readUpTo, withRegular } from "./open-regular.ts";

export interface ReadOptions extends OpenOptions {
	/** Files larger than this are refused. Default 64 MB. */
	readonly maxBytes?: number;
}

const defaultMaxBytes = 64 * 1024 * 1024;

/**
 * Reads a regular file whole.
 * @throws AgentvError `not-found` when missing; `config` when it is a directory, a device, unreadable or over `maxBytes`.
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
