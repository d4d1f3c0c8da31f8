import { closeSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { fileError } from "./file-error.ts";
import { openRegular } from "./open-regular.ts";

/** Yields a text file in chunks (1 MB each) without splitting characters. Doesn't follow a link. */
export function* readChunks(path: string, size = 1024 * 1024): Generator<string> {
	const { descriptor } = openRegular(path, { noFollow: true });
	const decoder = new StringDecoder("utf8");
	const buffer = Buffer.allocUnsafe(size);
	const next = () => {
		try {
			return readSync(descriptor, buffer);
		} catch (error) {
			throw fileError(path, error);
		}
	};
	try {
		for (let length = next(); length > 0; length = next()) yield decoder.write(buffer.subarray(0, length));
		const rest = decoder.end();
		if (rest !== "") yield rest;
	} finally {
		closeSync(descriptor);
	}
}
