import { readdirSync } from "node:fs";

/**
 * Names that are no UTF-8 get lost when the system's bytes become a text. In paths of ours such a name stands as NUL, which no real
 * name holds, and its bytes, one character each.
 */
const mark = "\0";

/** Names in a directory that are no UTF-8, as they stand in paths of ours. @throws the system's error */
export function rawNames(directory: string): string[] {
	return readdirSync(directory, { encoding: "buffer" })
		.filter((name) => !Buffer.from(name.toString("utf8"), "utf8").equals(name))
		.map((name) => mark + name.toString("latin1"));
}

export function isRawPath(path: string): boolean {
	return path.includes(mark);
}

/** The path as the system takes it. */
export function systemPath(path: string): string | Buffer {
	if (!isRawPath(path)) return path;
	const components = path
		.split("/")
		.map((name) => (name.startsWith(mark) ? Buffer.from(name.slice(1), "latin1") : Buffer.from(name, "utf8")));
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
