// What may differ between two runs of the same behaviour. This list is the only place that says so.

const digest = "[0-9a-f]{64}";
const stages = "(?:prepare|hooks|target|grade|judge)";

/** What each rule finds and what is written in its place. They apply in this order. */
const rules = [
	// A moment: in records, in a run's name and in its id, whose last part is random.
	[/\b\d{8}T\d{6}Z-[0-9a-f]{6}\b/g, "<run-id>"],
	[/\b20\d\d-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?/g, "<run-time>"],
	[/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?/g, "<time>"],
	[/\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?\b/g, "<time>"],
	// A duration: of JSON, of JUnit, of a text, which leaves out stages that took none.
	[/("(?:\w+_ms|prepare|hooks|target|grade|judge|ms)": ?)\d+(\.\d+)?/g, "$1<duration>"],
	[/(\btime=")\d+(\.\d+)?"/g, '$1<duration>"'],
	[/\b\d+(\.\d+)? ?(ms|s|min)\b/g, "<duration>"],
	[new RegExp(`\\b${stages} <duration>(?:, ${stages} <duration>)*`, "g"), "<durations>"],
	// Versions of AgentV and of programs of this machine, and the room on its disk.
	[/("(?:agentv_version|node_version|version|semanticVersion)": ?)"v?\d+\.\d+\.\d+[^"]*"/g, '$1"<version>"'],
	[/\bv\d+\.\d+\.\d+\b/g, "<version>"],
	[/\b\d+\.\d+\.\d+(?= {2}<root>\/\.bin\/)/g, "<version>"],
	[/\b\d+(\.\d+)? [kMGT]?B(?= where )/g, "<size>"],
	// A digest of a record, which holds times: of one file, of all files of a run, of a manifest.
	[new RegExp(`("(?:file_sha256|manifest_sha256)": ?)"${digest}"`, "g"), '$1"<digest>"'],
	[new RegExp(`("run_id": "<run-id>",\\s+"digest": )"${digest}"`, "g"), '$1"<digest>"'],
	[new RegExp(`^digest ${digest}$`, "gm"), "digest <digest>"],
	[
		new RegExp(`^${digest}(?= {2}(?:index\\.jsonl|run\\.json|summary\\.json|tests/\\S+/\\d+\\.json)$)`, "gm"),
		"<digest>",
	],
	// A workspace's directory: its key depends on where the evals are, its end is random.
	[/\b[0-9a-f]{12}-[A-Za-z0-9_-]{6}(?=[/"\\ ])/g, "<workspace>"],
	// A mirror: named by where its origin is, and as large as that name.
	[/\/cache\/git\/[0-9a-f]{32}\.git/g, "/cache/git/<mirror>.git"],
	[/("freed_bytes": |"kind": "mirror",[^}]*?"bytes": )\d+/g, "$1<size>"],
	// Columns that are as wide as one of the above.
	[/^(?:(?=.*<).*\S {3,}\S.*|[A-Z]+(?: {2,}[A-Z]+)+)$/gm, (line) => line.replace(/(\S) {3,}(?=\S)/g, "$1  ")],
];

/**
 * Returns `text` without what may differ.
 * @param {string} text
 * @param {Readonly<Record<string, string>>} names texts that stand for something else here,: directories, ids
 */
export function normalise(text, names) {
	let normal = text;
	const longestFirst = Object.entries(names).sort(([one], [other]) => other.length - one.length);
	for (const [found, name] of longestFirst) normal = normal.replaceAll(found, name);
	for (const [pattern, name] of rules) normal = normal.replace(pattern, name);
	return normal;
}
