/** A limit of concurrent jobs; several lanes can share one. */
export interface Slot {
	readonly most: number;
	taken: number;
}

export function slot(most: number): Slot {
	return { most, taken: 0 };
}

/** Jobs that need the same slots, in order. */
class Lane<Job> {
	readonly #jobs: { readonly order: number; readonly job: Job }[] = [];
	#next = 0;

	constructor(readonly slots: readonly Slot[]) {}

	/** Inserts a job after those of a lower order. */
	push(order: number, job: Job): void {
		let at = this.#jobs.length;
		while (at > this.#next && (this.#jobs[at - 1]?.order ?? -1) > order) at -= 1;
		this.#jobs.splice(at, 0, { order, job });
	}

	/** The order of the first job, if it could start now. */
	get head(): number | undefined {
		const first = this.#jobs[this.#next];
		return first && this.slots.every(({ most, taken }) => taken < most) ? first.order : undefined;
	}

	take(): Job | undefined {
		const first = this.#jobs[this.#next];
		this.#next += 1;
		// Drop taken jobs now and then: removing each from the front would move all others.
		if (this.#next > 1000) {
			this.#jobs.splice(0, this.#next);
			this.#next = 0;
		}
		return first?.job;
	}
}

/** Starts jobs in order when their slots are free. */
export class Schedule<Job> {
	readonly #lanes = new Map<string, Lane<Job>>();
	readonly #run: (job: Job) => Promise<void>;
	#running = 0;
	#waiting = 0;
	#stopped = false;
	#failure: { readonly error: unknown } | undefined;
	#idle: (() => void) | undefined;

	/** @param run must not start before `pump` is called; its rejection stops the schedule */
	constructor(run: (job: Job) => Promise<void>) {
		this.#run = run;
	}

	/** Adds a ready job. Jobs of one `lane` need the same slots. */
	add(job: Job, order: number, lane: string, slots: readonly Slot[]): void {
		let found = this.#lanes.get(lane);
		if (!found) {
			found = new Lane(slots);
			this.#lanes.set(lane, found);
		}
		found.push(order, job);
		this.#waiting += 1;
	}

	pump(): void {
		while (!this.#stopped) {
			const lane = this.#firstLane();
			const job = lane?.take();
			if (!lane || job === undefined) break;
			this.#waiting -= 1;
			this.#running += 1;
			for (const one of lane.slots) one.taken += 1;
			void this.#start(job, lane.slots);
		}
		if (this.#running === 0 && (this.#stopped || this.#waiting === 0)) this.#idle?.();
	}

	/** Starts nothing more; running jobs continue. */
	stop(): void {
		this.#stopped = true;
		this.pump();
	}

	/** Resolves when nothing runs or can start. @throws what a job rejected with */
	async finished(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.#idle = resolve;
			this.pump();
		});
		if (this.#failure) throw this.#failure.error;
	}

	#firstLane(): Lane<Job> | undefined {
		let best: Lane<Job> | undefined;
		let order = Number.POSITIVE_INFINITY;
		for (const lane of this.#lanes.values()) {
			const head = lane.head;
			if (head !== undefined && head < order) {
				best = lane;
				order = head;
			}
		}
		return best;
	}

	async #start(job: Job, slots: readonly Slot[]): Promise<void> {
		try {
			await this.#run(job);
		} catch (error) {
			this.#failure ??= { error };
			this.#stopped = true;
		}
		for (const one of slots) one.taken -= 1;
		this.#running -= 1;
		this.pump();
	}
}
