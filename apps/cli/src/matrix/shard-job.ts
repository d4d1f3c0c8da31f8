import { AgentvError } from "@agentv/core";
import type { IJob } from "kubernetes-models/batch/v1/Job";

/** Settings of an Indexed Job. */
export interface JobSettings {
	readonly name: string;
	readonly image: string;
	readonly claim: string;
	readonly secrets: readonly string[];
	/** Number of retries per shard. */
	readonly retries: number;
	readonly parallelism: number;
	/** Absolute path in the container at which the claim is mounted. */
	readonly results: string;
	readonly shards: number;
	/** Arguments of `eval run` common to all shards. */
	readonly args: readonly string[];
}

/**
 * The container's script; its arguments are the number of shards, the results directory, and those of `eval run`. A
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
 * Builds a Job with one index per shard. Exit code 1 means failed tests, which must not be retried. Other failures (4: a
 * test was not graded) are; evicted pods do not count as retries.
 * @throws AgentvError `usage` for names that are invalid in Kubernetes
 */
export function shardJob(settings: JobSettings): IJob {
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
const mostShards = 100_000;

function check({ name, image, claim, secrets, results, shards, parallelism }: JobSettings): void {
	// A pod's name, which is also its host name, consists of the Job's name and the index.
	const longest = 63 - String(shards - 1).length - 1;
	if (!label.test(name) || name.length > longest)
		throw wrong("--name", name, `at most ${longest} characters: lower-case letters, digits and - between them`);
	for (const [option, names] of [
		["--claim", [claim]],
		["--secret", secrets],
	] as const)
		for (const one of names)
			if (one.length > 253 || !one.split(".").every((part) => label.test(part)))
				throw wrong(option, one, "lower-case letters, digits, and - or . between them");
	if (!/^[\w.:/@-]+$/.test(image)) throw wrong("--image", image, "a name such as registry.example.com/evals:1");
	if (!/^\/[^:\p{Cc}]+$/u.test(results)) throw wrong("--output", results, "an absolute path in the container");
	if (shards > mostShards) throw new AgentvError("usage", `a Job has at most ${mostShards} indexes, not ${shards}`);
	if (parallelism > shards)
		throw new AgentvError("usage", `--parallelism ${parallelism} is more than ${shards} shards`);
}

function wrong(option: string, value: string, expected: string): AgentvError {
	return new AgentvError("usage", `${option} ${JSON.stringify(value)} is not a valid Kubernetes value`, {
		hint: `Expected ${expected}.`,
	});
}
