import { once } from "node:events";
import { dirname, resolve } from "node:path";
import { createDeflate, deflateSync } from "node:zlib";
import { AgentvError } from "../lib/errors.ts";
import { makeDirectories, removeEmptyDirectory } from "../machine/directories.ts";
import { openOwnFile } from "../machine/environment.ts";
import { isInside, isRawPath, quotedRawPath, rawPath, realPath } from "../machine/files.ts";
import { GitError } from "../machine/git.ts";
import { readLines } from "../machine/read-file.ts";
import { notePath, type TreeNotes } from "../machine/tree-notes.ts";
import { type FileChanges, WorkspaceError } from "./contract.ts";
import { type ChangeServices, type FileVersion, isGitsOwn } from "./snapshot.ts";

/** @throws WorkspaceError if the patch can't be applied whole */
export async function applyChanges(
	patchFile: string,
	root: string,
	{ store, signal }: Pick<ChangeServices, "store" | "signal">,
): Promise<void> {
	const { lines, hasFiles } = readHeadLines(patchFile);
	const pathsAfter = (prefix: string) =>
		lines.filter((line) => line.startsWith(prefix)).map((line) => pathOf(line.slice(prefix.length)));
	const makes = pathsAfter(emptyDirectory);
	// Deepest first.
	const removes = pathsAfter(removedDirectory);
	const missing = lines.filter((line) => line.startsWith(notInPatch));
	if (missing.length > 0) {
		const first = missing[0]?.replace(/^# not in this patch, /, "");
		const more = missing.length > 1 ? `, and ${missing.length - 1} more` : "";
		throw new WorkspaceError(
			"workspace",
			"incomplete-changes",
			`${patchFile} does not contain all changes of the workspace: missing ${first}${more}`,
		);
	}
	// First, so that a file can replace empty directories; later again, for those around them.
	const removable = removes.filter((path) => notePath(`${root}/${path}`)?.kind === "directory");
	for (const path of removable) removeEmptyDirectory(placeWithin(root, path));
	if (hasFiles) await applyPatch(patchFile, root, () => store.apply(patchFile, root, signal));
	for (const path of removable)
		if (notePath(`${root}/${path}`)?.kind === "directory") removeEmptyDirectory(placeWithin(root, path));
	for (const path of makes) makeDirectories(placeWithin(root, path));
}

async function applyPatch(patchFile: string, root: string, apply: () => Promise<unknown>): Promise<void> {
	try {
		await apply();
	} catch (error) {
		if (!(error instanceof GitError) || error.code === "interrupted") throw error;
		throw new WorkspaceError(
			"workspace",
			"changes-not-applicable",
			`the changes recorded in ${patchFile} can't be applied in ${root}: ${error.message}`,
			{
				cause: error,
				hint: "The template, repositories or hooks created a different workspace than in the recorded run.",
			},
		);
	}
}

function readHeadLines(patchFile: string): { readonly lines: readonly string[]; readonly hasFiles: boolean } {
	const lines: string[] = [];
	for (const line of readLines(patchFile)) {
		if (line.head(11) === "diff --git ") return { lines, hasFiles: true };
		lines.push(line.text());
	}
	return { lines, hasFiles: false };
}

/** @throws WorkspaceError for a path outside the workspace, directly or through a link */
function placeWithin(root: string, path: string): string {
	const names = path.split("/");
	let place = root;
	for (const name of names) {
		place = `${place}/${name}`;
		const note = notePath(place);
		if (["", ".", "..", ".git"].includes(name) || (note && note.kind !== "directory"))
			throw new WorkspaceError(
				"workspace",
				"changes-not-applicable",
				`${JSON.stringify(path)} is not a directory of the workspace`,
			);
	}
	return place;
}

/** git's base 85. */
const letters = Buffer.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~");
/** Of compressed content. */
const lineBytes = 52;
/** In bytes; larger content is compressed asynchronously. */
const smallSize = 1024 * 1024;

function encodeLines(bytes: Buffer): string {
	const result = Buffer.allocUnsafe(Math.ceil(bytes.length / lineBytes) * (2 + Math.ceil(lineBytes / 4) * 5));
	let to = 0;
	for (let start = 0; start < bytes.length; start += lineBytes) {
		const end = Math.min(start + lineBytes, bytes.length);
		const length = end - start;
		// A to Z for 1 to 26 bytes, then a to z.
		result[to++] = length <= 26 ? 64 + length : 96 + length - 26;
		for (let at = start; at < end; at += 4) {
			// Only the last line can end in less than four bytes; missing ones count as zeros.
			const [first = 0, second = 0, third = 0, fourth = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
			const value = ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0;
			const high = Math.trunc(value / 85 ** 3);
			const low = value - high * 85 ** 3;
			const middle = Math.trunc(low / 85);
			result[to] = letters[Math.trunc(high / 85)] ?? 0;
			result[to + 1] = letters[high % 85] ?? 0;
			result[to + 2] = letters[Math.trunc(middle / 85)] ?? 0;
			result[to + 3] = letters[middle % 85] ?? 0;
			result[to + 4] = letters[low - middle * 85] ?? 0;
			to += 5;
		}
		result[to++] = 10;
	}
	return result.toString("latin1", 0, to);
}

/** Writes a file's whole content, which `read` passes in chunks, as a `GIT binary patch`. */
export async function writeBinaryHunk(
	size: number,
	read: (take: (chunk: Buffer) => void | Promise<void>) => Promise<void>,
	write: (text: string) => void,
): Promise<void> {
	write(`GIT binary patch\nliteral ${size}\n`);
	if (size <= smallSize) {
		const chunks: Buffer[] = [];
		await read((chunk) => void chunks.push(Buffer.from(chunk)));
		write(encodeLines(deflateSync(Buffer.concat(chunks))));
	} else await writeCompressed(read, write);
	write("\n");
}

async function writeCompressed(
	read: (take: (chunk: Buffer) => void | Promise<void>) => Promise<void>,
	write: (text: string) => void,
): Promise<void> {
	const deflate = createDeflate({ level: 1 });
	const written = writeLinesOf(deflate, write);
	// Awaited below, but it can fail before that.
	written.catch(() => undefined);
	await read(async (chunk) => {
		// The stream can keep its input, and the caller reuses the buffer.
		if (!deflate.write(Buffer.from(chunk))) await Promise.race([once(deflate, "drain"), written]);
	});
	deflate.end();
	await written;
}

async function writeLinesOf(compressed: AsyncIterable<Buffer>, write: (text: string) => void): Promise<void> {
	let rest: Buffer = Buffer.alloc(0);
	for await (const chunk of compressed) {
		rest = Buffer.concat([rest, chunk]);
		const whole = rest.length - (rest.length % lineBytes);
		write(encodeLines(rest.subarray(0, whole)));
		rest = rest.subarray(whole);
	}
	write(encodeLines(rest));
}

const maxInMemory = 8 * 1024 * 1024;

/** A text written in chunks: in memory while it is small, then in a file. */
export class PatchText {
	readonly #place: () => string;
	readonly #pieces: string[] = [];
	#length = 0;
	#path = "";
	#file: ReturnType<typeof openOwnFile> | undefined;

	/** @param place returns the file's path; called on first use */
	constructor(place: () => string) {
		this.#place = place;
	}

	/** @throws AgentvError if the disk is full */
	write(text: string): void {
		this.#length += text.length;
		if (!this.#file && this.#length > maxInMemory) {
			this.#path = this.#place();
			this.#file = openOwnFile(this.#path);
			for (const piece of this.#pieces.splice(0)) this.#file.write(piece);
		}
		if (this.#file) this.#file.write(text);
		else this.#pieces.push(text);
	}

	/** Must also be called after a failure. */
	close(): void {
		this.#file?.close();
	}

	result(): FileChanges["patch"] {
		return this.#file ? { file: this.#path } : { text: this.#pieces.join("") };
	}
}

// git can't represent empty directories and special files: they become lines that it ignores.

/** Begins a line about something that the patch does not restore. */
export const notInPatch = "# not in this patch, because ";
const emptyDirectory = "# new empty directory ";
const removedDirectory = "# deleted empty directory ";

export function treeLines(before: TreeNotes, after: TreeNotes): string[] {
	const lines: string[] = [];
	const [emptyBefore, emptyAfter] = [emptyDirectories(before), emptyDirectories(after)];
	for (const path of emptyAfter) if (!emptyBefore.has(path)) lines.push(`${emptyDirectory}${shownPath(path)}\n`);
	for (const path of goneWithEmpty(before, after, emptyBefore)) lines.push(`${removedDirectory}${shownPath(path)}\n`);
	for (const [path, { kind, inode }] of after) {
		const old = before.get(path);
		if (kind !== "other" || isGitsOwn(path) || (old?.kind === "other" && old.inode === inode)) continue;
		lines.push(`${notInPatch}it is a pipe, socket or device: new ${shownPath(path)}\n`);
	}
	return lines;
}

function emptyDirectories(notes: TreeNotes): Set<string> {
	const empty = new Set<string>();
	// A directory precedes its contents.
	for (const [path, { kind }] of notes) {
		empty.delete(dirname(path));
		if (kind === "directory" && !isGitsOwn(path)) empty.add(path);
	}
	return empty;
}

function goneWithEmpty(before: TreeNotes, after: TreeNotes, emptyBefore: ReadonlySet<string>): string[] {
	const gone = new Set<string>();
	const isGone = (path: string) => before.has(path) && after.get(path)?.kind !== "directory";
	for (const empty of emptyBefore)
		for (let path = empty; path !== "." && isGone(path); path = dirname(path)) gone.add(path);
	return [...gone].sort((a, b) => b.split("/").length - a.split("/").length);
}

/** Reverses `shownPath`, for system calls. */
function pathOf(shown: string): string {
	if (!shown.startsWith('"')) return shown;
	const bytes = shown
		.slice(1, -1)
		.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
	return rawPath(Buffer.from(bytes, "latin1"));
}

/**
 * Returns `path` within `root`, a real path, if no link leaves it.
 * @throws AgentvError `refused`
 */
export function pathWithin(root: string, path: string, what: string): string {
	const lexical = resolve(root, path);
	const real = isInside(root, lexical) ? realPath(lexical) : lexical;
	if (isInside(root, real)) return real;
	throw new AgentvError("refused", `${what} ${JSON.stringify(path)} is outside the workspace`);
}

/** A change between file and link is a removal and an addition. */
export interface FileChange {
	readonly path: string;
	readonly before?: FileVersion | undefined;
	readonly after?: FileVersion | undefined;
}

const noBlob = "0".repeat(40);

export function patchHeading({ path, before, after }: FileChange, hasHunks: boolean): string {
	const [from, to] = [quoted(path, "a/"), quoted(path, "b/")];
	const lines = [`diff --git ${from} ${to}`];
	if (!before) lines.push(`new file mode ${after?.mode}`);
	else if (!after) lines.push(`deleted file mode ${before.mode}`);
	else if (before.mode !== after.mode) lines.push(`old mode ${before.mode}`, `new mode ${after.mode}`);
	if (before?.blob !== after?.blob) {
		const mode = before && before.mode === after?.mode ? ` ${before.mode}` : "";
		lines.push(`index ${before?.blob ?? noBlob}..${after?.blob ?? noBlob}${mode}`);
	}
	// A tab ends a name with blanks.
	const end = path.includes(" ") ? "\t" : "";
	if (hasHunks) lines.push(`--- ${before ? from + end : "/dev/null"}`, `+++ ${after ? to + end : "/dev/null"}`);
	return `${lines.join("\n")}\n`;
}

export function changesContent({ before, after }: FileChange): boolean {
	return before?.blob !== after?.blob;
}

/** A change that is not shown whole gets a line with size and digest. */
export function changeLine({ path, before, after }: FileChange, what: string): string {
	const verb = before ? (after ? "changed" : "deleted") : "new";
	const bytes =
		before && after && changesContent({ path, before, after })
			? `${before.size} → ${after.size}`
			: (after ?? before)?.size;
	const mode = before && after && before.mode !== after.mode ? `, mode ${before.mode} → ${after.mode}` : "";
	const form = [before?.form, after?.form].includes("other-text") ? ", not UTF-8" : "";
	return `# ${verb} ${what} ${shownPath(path)}: ${bytes} bytes, sha256 ${(after ?? before)?.sha256}${mode}${form}\n`;
}

export function formName({ before, after }: FileChange): string {
	const forms = [before?.form, after?.form];
	if ([before?.mode, after?.mode].includes("120000")) return "link";
	if (forms.includes("binary")) return "binary file";
	return forms.includes("large") ? "large file" : "file";
}

export function commented(text: string): string {
	const lines = text.replace(/\n$/, "").split("\n");
	return lines.map((line) => `# ${line}\n`).join("");
}

/** Quotes a path as git would, so that it is on one line. */
function shownPath(path: string): string {
	return quoted(path, "");
}

function quoted(path: string, prefix: string): string {
	// git can't read back what it writes unquoted for a name with blanks at its ends.
	const needsQuotes = isRawPath(path) || /["\\\p{Cc}]|(^|\/) | (\/|$)/u.test(path);
	return needsQuotes ? `"${prefix}${quotedRawPath(path)}"` : prefix + path;
}

/** Names that git on some file systems treats as its own directory. */
const gitsName = /^(\.git|git~1)[ .]*(:.*)?$/i;
/** Like `gitsName`, for links in place of `.gitmodules`. */
const modulesName = /^(\.gitmodules|gitmod~\d|gi7eba~\d)[ .]*(:.*)?$/i;
/** Some file systems ignore these characters. */
const invisible = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Returns whether git accepts a patch with a file of that path. */
export function gitAccepts({ path, before, after }: FileChange): boolean {
	const isLink = (after ?? before)?.mode === "120000";
	const names = path.split(/[/\\]/).map((name) => name.replace(invisible, ""));
	return !names.some((name) => gitsName.test(name) || (isLink && modulesName.test(name)));
}
