import { stringify } from "yaml";
import { type JobSettings, shardJob } from "../matrix/shard-job.ts";

/** Returns a manifest for `kubectl apply`, in YAML 1.1, which Kubernetes reads. */
export function matrixK8s(settings: JobSettings): string {
	const { shards, claim, results } = settings;
	const note = [
		`# ${shards} shards of a run. Results go to ${results} on the PersistentVolumeClaim ${claim}, which pods on all nodes`,
		"# must be able to write to. Failed tests (exit code 1) are not retried; other failures are.",
		"# Retries of single shards need Kubernetes 1.29 or newer.",
	];
	return `${note.join("\n")}\n${stringify(shardJob(settings), { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false })}`;
}
