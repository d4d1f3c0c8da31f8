import type { Jobs } from "./jobs.ts";

/** Maps run directories to the jobs of this Studio that work on them. */
export class RunJobs {
	readonly #byDirectory = new Map<string, string>();
	readonly #jobs: Jobs;

	constructor(jobs: Jobs) {
		this.#jobs = jobs;
	}

	began(directory: string, job: string): void {
		this.#byDirectory.set(directory, job);
		for (const [known, id] of this.#byDirectory) if (!this.#jobs.get(id)) this.#byDirectory.delete(known);
	}

	/** Returns the running job of the run. */
	of(directory: string): string | null {
		const id = this.#byDirectory.get(directory);
		return id !== undefined && this.#jobs.get(id)?.state === "running" ? id : null;
	}
}
