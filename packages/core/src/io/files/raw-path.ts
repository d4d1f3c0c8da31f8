import { readdirSync, readlinkSync } from "node:fs";

/**
 * Names that are no UTF-8 get lost when the system's bytes become a text. In paths of ours such a name stands as NUL, which no real
 * name holds, and its bytes, one character each.
 */
const mark = "\0";

/** Names in a directory that are no UTF-8, as they stand in paths of ours. @throws the system's error */
export function rawNames(directory: string): string[] {
	return readdirSync(systemPath(directory), { encoding: "buffer" }).map(rawText).filter(isRawPath);
}

/** Returns the system's bytes as our text, from which `rawBytes` makes the same bytes again. */
function rawText(bytes: Buffer): string {
	const text = bytes.toString("utf8");
	return text.includes("\ufffd") && !Buffer.from(text).equals(bytes) ? mark + bytes.toString("latin1") : text;
}

export function rawBytes(text: string): Buffer {
	return text.startsWith(mark) ? Buffer.from(text.slice(1), "latin1") : Buffer.from(text);
}

/** The text of a link, which need not be UTF-8 either. @throws the system's error */
export function readRawLink(path: string): string {
	return rawText(readlinkSync(systemPath(path), { encoding: "buffer" }));
}

/** Returns our path for the system's path of these bytes. */
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

/** The path as the system takes it. */
export function systemPath(path: string): string | Buffer {
	if (!isRawPath(path)) return path;
	const components = path.split("/").map(rawBytes);
	return Buffer.concat(components.flatMap((one, index) => (index === 0 ? [one] : [Buffer.from("/"), one])));
}

/** The path as git would show it: bytes that are no ASCII in octal, in quotes. */
export function quotedRawPath(path: string): string {
	const bytes = Buffer.from(systemPath(path));
	const shown = Array.from(bytes, (byte) =>
		byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
			? `\\${byte.toString(8).padStart(3, "0")}`
			: String.fromCharCode(byte),
	);
	return shown.join("");
}
