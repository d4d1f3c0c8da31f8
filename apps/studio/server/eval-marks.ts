import { type EvalValidation, openDiskView, validateEvals } from "@agentv/core";
import type { EvalMarks } from "./answers/evals.ts";
import type { StudioOptions } from "./options.ts";

const maxEntries = 5000;

/** Caches the status of evals, which is shown immediately and refreshed when the page requests it. */
export class EvalMarksCache {
	readonly #known = new Map<string, EvalMarks>();
	readonly #options: Pick<StudioOptions, "env" | "cwd">;

	constructor(options: Pick<StudioOptions, "env" | "cwd">) {
		this.#options = options;
	}

	/** Returns the last known status of `file`. */
	known(file: string): EvalMarks | null {
		return this.#known.get(file) ?? null;
	}

	/** Refreshes one file after the other, yielding to other requests in between. */
	async *look(files: readonly string[], signal: AbortSignal): AsyncGenerator<{ file: string; marks: EvalMarks }> {
		const { env, cwd } = this.#options;
		for await (const validation of validateEvals(files, { view: openDiskView(), env, cwd, signal }))
			yield { file: validation.file, marks: this.remember(validation) };
	}

	remember(validation: EvalValidation): EvalMarks {
		const { file, name, tests, targets, diagnostics } = validation;
		const errors = diagnostics.filter(({ severity }) => severity === "error").length;
		const marks = { name, tests, targets, errors, warnings: diagnostics.length - errors };
		this.#known.delete(file);
		this.#known.set(file, marks);
		const [oldest] = this.#known.keys();
		if (this.#known.size > maxEntries && oldest !== undefined) this.#known.delete(oldest);
		return marks;
	}
}
