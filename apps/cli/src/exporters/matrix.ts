import { AgentvError, terminalSafeLine } from "@agentv/core";
import type { IJob } from "kubernetes-models/batch/v1/Job";
import { stringify } from "yaml";
import type { RunChoices } from "../output/run-report.ts";

export type ShardChoices = RunChoices & { readonly durationsFrom?: string };

/** In the order of the help. */
const valued = [
	["target", "--target"],
	["targets", "--targets"],
	["graderTarget", "--grader-target"],
	["test", "--test"],
	["tag", "--tag"],
	["excludeTag", "--exclude-tag"],
	["limit", "--limit"],
	["benchmark", "--benchmark"],
	["workers", "--workers"],
	["threshold", "--threshold"],
	["repeat", "--repeat"],
	["timeout", "--timeout"],
	["experiment", "--experiment"],
	["durationsFrom", "--durations-from"],
	["envFile", "--env-file"],
	["budgetUsd", "--budget-usd"],
	["allowOutside", "--allow-outside"],
	["trust", "--trust"],
] as const;

const flags = [
	["keepWorkspaces", "--keep-workspaces"],
	["bail", "--bail"],
	["cache", "--cache"],
] as const;

export function shardArguments(evals: readonly string[], choices: ShardChoices): string[] {
	return [
		// A path that begins with a dash would be read as an option.
		...evals.map((path) => (path.startsWith("-") ? `./${path}` : path)),
		...valued.flatMap(([key, option]) => [choices[key] ?? []].flat().flatMap((value) => [option, String(value)])),
		...flags.flatMap(([key, option]) => (choices[key] ? [option] : [])),
	];
}

interface ShardPlan {
	/** `2/4`. */
	readonly shard: string;
	/** `2-of-4`. */
	readonly name: string;
	readonly tests: number;
	readonly output: string;
	readonly command: readonly string[];
}

/** @param sizes tests × targets of each shard */
export function shardPlans(args: readonly string[], sizes: readonly number[], output: string): ShardPlan[] {
	return sizes.map((tests, index) => {
		const shard = `${index + 1}/${sizes.length}`;
		const name = shard.replace("/", "-of-");
		const place = `${output.replace(/(?<!\/)\/+$/, "")}/${name}`;
		const command = ["agentv", "eval", "run", ...args, "--shard", shard, "--output", place];
		return { shard, name, tests, output: place, command };
	});
}

interface JobSettings {
	readonly name: string;
	readonly image: string;
	readonly claim: string;
	readonly secrets: readonly string[];
	/** Per shard. */
	readonly retries: number;
	readonly parallelism: number;
	readonly results: string;
	readonly shards: number;
	/** For `eval run`, common to all shards. */
	readonly args: readonly string[];
}

/**
 * Its arguments are the number of shards, the results directory, and those of `eval run`. A
 * replacement pod resumes the run of the previous one.
 */
const script = [
	'shard="$((JOB_COMPLETION_INDEX + 1))"',
	'output="$2/$shard-of-$1"',
	'shard="$shard/$1"',
	"shift 2",
	'if [ -e "$output/run.json" ]; then set -- "$@" --retry-errors; fi',
	'exec agentv eval run "$@" --shard "$shard" --output "$output"',
].join("\n");

/**
 * Retries by exit code: 1 means failed tests, which must not be retried. Other failures (4: a test
 * was not graded) are; evicted pods do not count as retries.
 * @throws AgentvError `usage` for names that are invalid in Kubernetes
 */
function shardJob(settings: JobSettings): IJob {
	check(settings);
	const { name, image, claim, secrets, retries, parallelism, results, shards, args } = settings;
	const labels = { "app.kubernetes.io/name": "agentv", "app.kubernetes.io/instance": name };
	return {
		apiVersion: "batch/v1",
		kind: "Job",
		metadata: { name, labels },
		spec: {
			completionMode: "Indexed",
			completions: shards,
			parallelism,
			backoffLimitPerIndex: retries,
			// A failed shard must not stop the others.
			maxFailedIndexes: shards,
			podFailurePolicy: {
				rules: [
					{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
					{ action: "FailIndex", onExitCodes: { containerName: "agentv", operator: "In", values: [1] } },
				],
			},
			template: {
				metadata: { labels },
				spec: {
					restartPolicy: "Never",
					containers: [
						{
							name: "agentv",
							image,
							command: ["sh", "-c", script, "agentv"],
							args: [String(shards), results, ...args].map(literal),
							...(secrets.length > 0 ? { envFrom: secrets.map((secret) => ({ secretRef: { name: secret } })) } : {}),
							volumeMounts: [{ name: "results", mountPath: results }],
						},
					],
					volumes: [{ name: "results", persistentVolumeClaim: { claimName: claim } }],
				},
			},
		},
	};
}

/** Escapes `$`, because Kubernetes expands `$(NAME)` and `$$`. */
function literal(text: string): string {
	return text.replaceAll("$", "$$$$");
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const maxShards = 100_000;

function check({ name, image, claim, secrets, results, shards, parallelism }: JobSettings): void {
	// A pod's name, which is also its host name, consists of the Job's name and the index.
	const maxLength = 63 - String(shards - 1).length - 1;
	if (!label.test(name) || name.length > maxLength)
		throw wrong("--name", name, `at most ${maxLength} characters: lower-case letters, digits and - between them`);
	for (const [option, names] of [
		["--claim", [claim]],
		["--secret", secrets],
	] as const)
		for (const value of names)
			if (value.length > 253 || !value.split(".").every((part) => label.test(part)))
				throw wrong(option, value, "lower-case letters, digits, and - or . between them");
	if (!/^[\w.:/@-]+$/.test(image)) throw wrong("--image", image, "a name such as registry.example.com/evals:1");
	if (!/^\/[^:\p{Cc}]+$/u.test(results)) throw wrong("--output", results, "an absolute path in the container");
	if (shards > maxShards) throw new AgentvError("usage", `a Job has at most ${maxShards} indexes, not ${shards}`);
	if (parallelism > shards)
		throw new AgentvError("usage", `--parallelism ${parallelism} is more than ${shards} shards`);
}

function wrong(option: string, value: string, expected: string): AgentvError {
	return new AgentvError("usage", `${option} ${JSON.stringify(value)} is not a valid Kubernetes value`, {
		hint: `Expected ${expected}.`,
	});
}

/** Quotes for a POSIX shell. @throws AgentvError `usage` for control characters */
function shellWords(words: readonly string[]): string {
	return words.map(shellWord).join(" ");
}

function shellWord(word: string): string {
	if (/\p{Cc}/u.test(word))
		throw new AgentvError(
			"usage",
			`${JSON.stringify(word)} contains a control character and can't be used in a command`,
		);
	return quoted(word);
}

function quoted(word: string): string {
	return /^[\w/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Quotes a path for a command to copy, and makes control characters visible. */
export function shownWord(path: string): string {
	return quoted(terminalSafeLine(path));
}

const maxJobs = 256;

export function matrixGithub(shards: readonly ShardPlan[]): string {
	if (shards.length > maxJobs)
		throw new AgentvError("usage", `GitHub runs at most ${maxJobs} jobs per matrix, not ${shards.length}`);
	const include = shards.map(({ shard, name, tests, output, command }) => ({
		...{ shard, name, tests, output },
		command: shellWords(command),
	}));
	return `${JSON.stringify({ include })}\n`;
}

/** Writes YAML 1.1, which Kubernetes reads. */
export function matrixK8s(settings: JobSettings): string {
	const { shards, claim, results } = settings;
	const note = [
		`# ${shards} shards of a run. Results go to ${results} on the PersistentVolumeClaim ${claim}, which pods on all nodes`,
		"# must be able to write to. Failed tests (exit code 1) are not retried; other failures are.",
		"# Retries of single shards need Kubernetes 1.29 or newer.",
	];
	return `${note.join("\n")}\n${stringify(shardJob(settings), { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false })}`;
}

export function matrixLines(shards: readonly ShardPlan[]): string {
	return shards.map(({ command }) => `${shellWords(command)}\n`).join("");
}
