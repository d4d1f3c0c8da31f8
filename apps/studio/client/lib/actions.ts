import { unwrap, writes } from "./api.ts";

/** Everything the client asks the server to do. Each throws `ApiError` with the server's words. */
interface NewBenchmark {
	readonly location: string;
	readonly id?: string;
	readonly name?: string;
	readonly ref?: string;
}

export function addBenchmark(benchmark: NewBenchmark) {
	return unwrap(writes.benchmarks.$post({ json: benchmark }));
}

export function removeBenchmark(id: string) {
	return unwrap(writes.benchmarks[":id"].$delete({ param: { id } }));
}

/** Starts a sync, or a look at the remote. */
export function startFor(id: string, kind: "sync" | "status") {
	const routes = writes.benchmarks[":id"];
	const answer =
		kind === "sync" ? routes.sync.$post({ param: { id }, json: {} }) : routes.status.$post({ param: { id }, json: {} });
	return unwrap(answer);
}

/** The same for every git-backed benchmark. */
export function startForAll(kind: "sync" | "status") {
	return unwrap(
		kind === "sync" ? writes.benchmarks.sync.$post({ json: {} }) : writes.benchmarks.status.$post({ json: {} }),
	);
}

export function cancelJob(id: string) {
	return unwrap(writes.jobs[":id"].cancel.$post({ param: { id } }));
}

interface RunOptions {
	/** Of the plan that was looked at. */
	readonly digest: string;
	/** Also consent to what the plan shows as new. */
	readonly trust?: boolean;
	readonly targets?: string[];
	readonly tests?: string[];
	readonly repeat?: number;
	readonly workers?: number;
	readonly experiment?: string;
}

export function startRun(id: string, options: RunOptions) {
	return unwrap(writes.evals[":id"].run.$post({ param: { id }, json: options }));
}

/** @param rerunChanged run again what is made of something that has changed */
export function resumeRun(id: string, rerunChanged: boolean) {
	return unwrap(writes.runs[":id"].resume.$post({ param: { id }, json: { rerun_changed: rerunChanged } }));
}

/** What a fix may do beyond mending what is wrong. */
export interface FixModes {
	/** Write older spellings anew. */
	readonly migrate: boolean;
	/** Write the commits that branches and tags are today. */
	readonly pin: boolean;
}

export function previewFix(id: string, modes: FixModes) {
	return unwrap(writes.evals[":id"].fix.preview.$post({ param: { id }, json: modes }));
}

export function applyFix(id: string, digest: string, modes: FixModes) {
	return unwrap(writes.evals[":id"].fix.$post({ param: { id }, json: { ...modes, digest } }));
}

interface BundleOptions {
	readonly capture_env?: boolean;
	readonly pin?: boolean;
	readonly vendor_repos?: boolean;
	readonly include?: string[];
}

export function startBundle(id: string, options: BundleOptions) {
	return unwrap(writes.evals[":id"].bundle.$post({ param: { id }, json: options }));
}
