import type { Jobs } from "./jobs.ts";

/** Which job of this Studio works on which run's directory. */
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

	/** The job that works on the run now. */
	of(directory: string): string | null {
		const id = this.#byDirectory.get(directory);
		return id !== undefined && this.#jobs.get(id)?.state === "running" ? id : null;
	}
}
