import type { Difference } from "@agentv/core";

/** Describes a difference, without a full stop and without its test or file. */
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
			return `index.jsonl, line ${line}: not a valid row`;
		case "row-cut-off":
			return `index.jsonl, line ${line}: truncated row at the end of the file`;
		case "row-duplicated":
			return `index.jsonl, line ${line}: duplicate row for an attempt that was already judged`;
		case "row-unplanned":
			return `index.jsonl, line ${line}: attempt is not planned in run.json`;
		case "row-missing":
			return "has no row in index.jsonl, although the summary counts it";
		case "file-missing":
			return `${file} is missing`;
		case "file-unreadable":
			return `${file} is not a readable attempt record`;
		case "file-changed":
			return `${file} was modified after the run (SHA-256 mismatch)`;
		case "file-added":
			return `${file} is not covered by the run's digest`;
		case "file-kind":
			return `${file} is a link, executable, or not a regular file, which a record never contains`;
		case "digest-missing":
			return file === "run.sha256"
				? "the run has no digest (run.sha256): it has not finished, was recorded by an earlier version, or the digest was deleted"
				: `${file} has no digest in its row`;
		case "digest-unreadable":
			return `${file} is not a valid run digest`;
		case "signature":
			return `${file}: ${reason}`;
		case "file-without-row":
			return `${file} has no matching row in index.jsonl`;
		case "fact":
			return `${field}: the row says ${shown(recorded)}, the attempt's file ${shown(recomputed)}`;
		case "mixed-versions":
			return `${of}: results come from ${versions.length} versions: ${versions.map(versionText).join("; ")}`;
		case "grader":
			return `${grader === undefined ? "" : `grader ${grader}: `}${field} ${values()}`;
		case "attempt":
		case "summary":
			return `${field}: ${values()}`;
		case "summary-missing":
			return "missing, although all tests have rows";
		case "summary-unreadable":
			return "unreadable";
	}
}

function versionText({ version, attempts, first }: NonNullable<Difference["versions"]>[number]): string {
	const short = version.slice(0, 12);
	if (attempts === 0) return `${short} is stated in run.json`;
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
