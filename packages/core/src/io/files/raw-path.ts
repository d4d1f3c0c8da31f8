import { readdirSync, readlinkSync } from "node:fs";

/**
 * Non-UTF-8 names don't survive decoding. In our paths such a name is NUL, which no real name
 * contains, followed by its bytes, one character each.
 */
const mark = "\0";

/**
 * Returns the non-UTF-8 names in a directory, as encoded in our paths. @throws the system's error
 */
export function rawNames(directory: string): string[] {
	return readdirSync(systemPath(directory), { encoding: "buffer" }).map(rawText).filter(isRawPath);
}

/** Returns bytes as text that `rawBytes` converts back. */
function rawText(bytes: Buffer): string {
	const text = bytes.toString("utf8");
	return text.includes("\ufffd") && !Buffer.from(text).equals(bytes) ? mark + bytes.toString("latin1") : text;
}

export function rawBytes(text: string): Buffer {
	return text.startsWith(mark) ? Buffer.from(text.slice(1), "latin1") : Buffer.from(text);
}

/** Returns the text of a link, which need not be UTF-8 either. @throws the system's error */
export function readRawLink(path: string): string {
	return rawText(readlinkSync(systemPath(path), { encoding: "buffer" }));
}

/** Returns our encoding of a path of these bytes. */
export function rawPath(path: Buffer): string {
	return path
		.toString("latin1")
		.split("/")
		.map((name) => rawText(Buffer.from(name, "latin1")))
		.join("/");
}

export function isRawPath(path: string): boolean {
	return path.includes(mark);
}

/** Returns the path for system calls. */
export function systemPath(path: string): string | Buffer {
	if (!isRawPath(path)) return path;
	const components = path.split("/").map(rawBytes);
	return Buffer.concat(components.flatMap((one, index) => (index === 0 ? [one] : [Buffer.from("/"), one])));
}

/** Returns the path as git shows it: quoted, with non-ASCII bytes in octal. */
export function quotedRawPath(path: string): string {
	const bytes = Buffer.from(systemPath(path));
	const shown = Array.from(bytes, (byte) =>
		byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
			? `\\${byte.toString(8).padStart(3, "0")}`
			: String.fromCharCode(byte),
	);
	return shown.join("");
}
