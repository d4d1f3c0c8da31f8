import { isRawPath, quotedRawPath } from "../io/files/raw-path.ts";
import type { FileVersion } from "./file-version.ts";

/** A change between file and link is a removal and an addition. */
export interface FileChange {
	readonly path: string;
	readonly before?: FileVersion | undefined;
	readonly after?: FileVersion | undefined;
}

const noBlob = "0".repeat(40);

/** Returns the lines above a change's hunks. @param hasHunks whether text hunks follow */
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

/** Returns whether the content differs, not only the mode. */
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

/** Returns the noun for a change that is not shown whole. */
export function formName({ before, after }: FileChange): string {
	const forms = [before?.form, after?.form];
	if ([before?.mode, after?.mode].includes("120000")) return "link";
	if (forms.includes("binary")) return "binary file";
	return forms.includes("large") ? "large file" : "file";
}

/** Returns a text as lines that git ignores. */
export function commented(text: string): string {
	const lines = text.replace(/\n$/, "").split("\n");
	return lines.map((line) => `# ${line}\n`).join("");
}

/** Returns a path on one line, quoted if git would quote it. */
export function shownPath(path: string): string {
	return quoted(path, "");
}

function quoted(path: string, prefix: string): string {
	// git can't read back what it writes unquoted for a name with blanks at its ends.
	const needsQuotes = isRawPath(path) || /["\\\p{Cc}]|(^|\/) | (\/|$)/u.test(path);
	return needsQuotes ? `"${prefix}${quotedRawPath(path)}"` : prefix + path;
}

/** Names that git on some file system treats as its own directory. */
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
