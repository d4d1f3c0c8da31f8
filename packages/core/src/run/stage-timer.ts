import type { Timings } from "../schema/result-row.ts";

/** Measures how long an attempt spends in each stage. */
export class StageTimer {
	readonly #spent: { -readonly [Stage in keyof Timings]: number } = {
		prepare: 0,
		hooks: 0,
		target: 0,
		grade: 0,
		judge: 0,
	};

	/** Runs `work` and adds its time to `stage`; time that it adds to other stages meanwhile counts only there. */
	async time<Value>(stage: keyof Timings, work: () => Promise<Value>): Promise<Value> {
		const started = performance.now();
		const before = this.#total;
		try {
			return await work();
		} finally {
			const inner = this.#total - before;
			this.#spent[stage] += Math.max(0, performance.now() - started - inner);
		}
	}

	/** Adds time that was measured elsewhere. */
	add(stage: keyof Timings, ms: number): void {
		this.#spent[stage] += ms;
	}

	/** Whole milliseconds. */
	get timings(): Timings {
		const { prepare, hooks, target, grade, judge } = this.#spent;
		const whole = Math.round;
		return {
			prepare: whole(prepare),
			hooks: whole(hooks),
			target: whole(target),
			grade: whole(grade),
			judge: whole(judge),
		};
	}

	get #total(): number {
		const { prepare, hooks, target, grade, judge } = this.#spent;
		return prepare + hooks + target + grade + judge;
	}
}
