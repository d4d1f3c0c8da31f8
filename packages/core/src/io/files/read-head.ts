import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { errnoCode, fileError } from "./file-error.ts";

export interface FileHead {
	/** The first bytes as UTF-8; a character that the limit cuts is left out. */
	readonly text: string;
	/** Whether the file has more. */
	readonly cut: boolean;
	/** Of the whole file. */
	readonly size: number;
}

/** The first `maxBytes` of a file; `undefined` where there is none. @throws AgentvError where it cannot be read. */
export function readHead(path: string, maxBytes: number): FileHead | undefined {
	let descriptor: number;
	try {
		descriptor = openSync(path, "r");
	} catch (error) {
		if (errnoCode(error) === "ENOENT") return undefined;
		throw fileError(path, error);
	}
	try {
		const { size } = fstatSync(descriptor);
		const buffer = Buffer.allocUnsafe(Math.min(size, maxBytes));
		let length = 0;
		while (length < buffer.length) {
			const read = readSync(descriptor, buffer, length, buffer.length - length, length);
			if (read === 0) break;
			length += read;
		}
		const cut = size > maxBytes;
		const bytes = buffer.subarray(0, length);
		return { text: cut ? new StringDecoder("utf8").write(bytes) : bytes.toString("utf8"), cut, size };
	} catch (error) {
		throw fileError(path, error);
	} finally {
		closeSync(descriptor);
	}
}
