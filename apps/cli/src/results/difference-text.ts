import type { Difference } from "@agentv/core";

/** What differs, as a sentence without a full stop; whose it is stands elsewhere. */
export function differenceText({
	kind,
	line,
	file = "its file",
	grader,
	field,
	recorded,
	recomputed,
	of,
	versions = [],
	reason,
}: Difference): string {
	const values = () => `recorded ${shown(recorded)}, recomputed ${shown(recomputed)}`;
	switch (kind) {
		case "row-unreadable":
			return `index.jsonl, line ${line}: it is no row`;
		case "row-cut-off":
			return `index.jsonl, line ${line}: the file ends in the middle of a row`;
		case "row-duplicated":
			return `index.jsonl, line ${line}: a second row of an attempt that was already judged`;
		case "row-unplanned":
			return `index.jsonl, line ${line}: run.json plans no such attempt`;
		case "row-missing":
			return "it has no row in index.jsonl, although the summary counts it";
		case "file-missing":
			return `${file} is missing`;
		case "file-unreadable":
			return `${file} can't be read as the record that it was`;
		case "file-changed":
			return `${file} was modified after the run: its SHA-256 is another one`;
		case "file-added":
			return `${file} is not part of the record that the digest was made over`;
		case "file-kind":
			return `${file} is a link, may be executed, or is no plain file: a record has none of these`;
		case "digest-missing":
			return file === "run.sha256"
				? "the run has no digest (run.sha256): it has not ended, was recorded by an earlier version, or the digest was removed"
				: `${file} has no digest in its row`;
		case "digest-unreadable":
			return `${file} is not as it was written: it can't be read as the digest of a run`;
		case "signature":
			return `${file}: ${reason}`;
		case "file-without-row":
			return `${file} belongs to no row of index.jsonl`;
		case "fact":
			return `${field}: the row says ${shown(recorded)}, the attempt's file ${shown(recomputed)}`;
		case "mixed-versions":
			return `${of}: results were made of ${versions.length} versions: ${versions.map(versionText).join("; ")}`;
		case "grader":
			return `${grader === undefined ? "" : `grader ${grader}: `}${field} ${values()}`;
		case "attempt":
		case "summary":
			return `${field}: ${values()}`;
		case "summary-missing":
			return "it is missing, although all tests have their rows";
		case "summary-unreadable":
			return "it can't be read";
	}
}

function versionText({ version, attempts, first }: NonNullable<Difference["versions"]>[number]): string {
	const short = version.slice(0, 12);
	if (attempts === 0) return `${short} is the one that run.json states`;
	const names = first.map(({ testId, attempt }) => (attempt > 1 ? `${testId}, attempt ${attempt}` : testId));
	const more = attempts > first.length ? `, and ${attempts - first.length} more` : "";
	return `${short} made ${attempts} (${names.join(", ")}${more})`;
}

const longest = 200;

function shown(value: unknown): string {
	if (value === undefined) return "nothing";
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
