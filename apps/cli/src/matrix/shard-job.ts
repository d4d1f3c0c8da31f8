import { AgentvError } from "@agentv/core";
import type { IJob } from "kubernetes-models/batch/v1/Job";

/** What an Indexed Job needs to be told. */
export interface JobSettings {
	readonly name: string;
	readonly image: string;
	readonly claim: string;
	readonly secrets: readonly string[];
	/** How often a shard is tried again. */
	readonly retries: number;
	readonly parallelism: number;
	/** Absolute path in the container at which the claim is mounted. */
	readonly results: string;
	readonly shards: number;
	/** Arguments of `eval run` that all shards have. */
	readonly args: readonly string[];
}

/**
 * What a container runs; its arguments are the number of shards, where results go, and those of `eval run`. A pod that stands in for one
 * that ended goes on with what that one left.
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
 * A Job with one index for each shard. Exit code 1 says that tests failed: running them again would be cheating. Whatever else ends a
 * shard (4: some test was not graded) is tried again; a pod that its node evicts does not count.
 * @throws AgentvError `usage` for names that Kubernetes would not take
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
			// One shard whose tests fail keeps no other from being run.
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

/** Kubernetes puts variables in place of `$(NAME)`, and `$` in place of `$$`. */
function literal(text: string): string {
	return text.replaceAll("$", "$$$$");
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const mostShards = 100_000;

function check({ name, image, claim, secrets, results, shards, parallelism }: JobSettings): void {
	// A pod is named after the Job and its index, and its name is that of its host, too.
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
	return new AgentvError("usage", `${option} ${JSON.stringify(value)} is nothing that Kubernetes takes`, {
		hint: `It is ${expected}.`,
	});
}
