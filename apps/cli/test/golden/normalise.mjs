// Replaces everything that may differ between machines and runs. No other file does.

const digest = "[0-9a-f]{64}";
const stages = "(?:prepare|hooks|target|grade|judge)";

/** Patterns and their replacements, applied in this order. */
const rules = [
	// Times, also in a run's name and in its id, which ends with a random part.
	[/\b\d{8}T\d{6}Z-[0-9a-f]{6}\b/g, "<run-id>"],
	[/\b20\d\d-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?/g, "<run-time>"],
	[/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?/g, "<time>"],
	[/\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?\b/g, "<time>"],
	// Durations in JSON, JUnit and text; the text omits stages that took no time.
	[/("(?:\w+_ms|prepare|hooks|target|grade|judge|ms)": ?)\d+(\.\d+)?/g, "$1<duration>"],
	[/(\btime=")\d+(\.\d+)?"/g, '$1<duration>"'],
	[/\b\d+(\.\d+)? ?(ms|s|min)\b/g, "<duration>"],
	[new RegExp(`\\b${stages} <duration>(?:, ${stages} <duration>)*`, "g"), "<durations>"],
	// Versions of AgentV and of installed programs, and free disk space.
	[/("(?:agentv_version|node_version|version|semanticVersion)": ?)"v?\d+\.\d+\.\d+[^"]*"/g, '$1"<version>"'],
	[/\bv\d+\.\d+\.\d+\b/g, "<version>"],
	[/\b\d+\.\d+\.\d+(?= {2}<root>\/\.bin\/)/g, "<version>"],
	[/\b\d+(\.\d+)? [kMGT]?B(?= where )/g, "<size>"],
	// Digests of files, runs and manifests that contain times.
	[new RegExp(`("(?:file_sha256|manifest_sha256)": ?)"${digest}"`, "g"), '$1"<digest>"'],
	[new RegExp(`("run_id": "<run-id>",\\s+"digest": )"${digest}"`, "g"), '$1"<digest>"'],
	[new RegExp(`^digest ${digest}$`, "gm"), "digest <digest>"],
	[
		new RegExp(`^${digest}(?= {2}(?:index\\.jsonl|run\\.json|summary\\.json|tests/\\S+/\\d+\\.json)$)`, "gm"),
		"<digest>",
	],
	// Workspace directories, whose names depend on the evals' path and end with a random part.
	[/\b[0-9a-f]{12}-[A-Za-z0-9_-]{6}(?=[/"\\ ])/g, "<workspace>"],
	// Mirrors, whose name and size depend on the path of their origin.
	[/\/cache\/git\/[0-9a-f]{32}\.git/g, "/cache/git/<mirror>.git"],
	[/("freed_bytes": |"kind": "mirror",[^}]*?"bytes": )\d+/g, "$1<size>"],
	// Columns whose width depends on one of the above.
	[/^(?:(?=.*<).*\S {3,}\S.*|[A-Z]+(?: {2,}[A-Z]+)+)$/gm, (line) => line.replace(/(\S) {3,}(?=\S)/g, "$1  ")],
];

/**
 * Replaces everything in `text` that may differ between machines and runs.
 * @param {string} text
 * @param {Readonly<Record<string, string>>} names additional texts to replace, such as directories
 * and ids
 */
export function normalise(text, names) {
	let normal = text;
	const longestFirst = Object.entries(names).sort(([one], [other]) => other.length - one.length);
	for (const [found, name] of longestFirst) normal = normal.replaceAll(found, name);
	for (const [pattern, name] of rules) normal = normal.replace(pattern, name);
	return normal;
}
