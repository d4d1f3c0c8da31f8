import { randomUUID } from "node:crypto";
import { AgentvError } from "@agentv/core";

/** Outlives its request: a sync, a bundle, a run. */
export interface Job {
	readonly id: string;
	/** `sync`, `status`, `bundle`, `run`. */
	readonly kind: string;
	/** Id of a benchmark, eval or run. */
	readonly key: string;
	readonly started_at: string;
	readonly state: "running" | "done" | "failed" | "cancelled";
	readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

interface JobEvent {
	/** Counts from 1 within a job; sent by readers that reconnect. */
	readonly id: number;
	readonly data: unknown;
}

/** Past events for late readers; later events repeat important states. */
const maxEvents = 2000;
const maxEventsOfEnded = 200;
const maxJobs = 200;

interface Entry {
	job: Job;
	readonly locks: readonly string[];
	readonly events: JobEvent[];
	count: number;
	readonly controller: AbortController;
	readonly waiting: Set<() => void>;
	finished: Promise<void>;
}

export class JobRefused extends AgentvError {
	readonly job: string;

	constructor(busy: Job, what: string) {
		super("refused", `a ${busy.kind} of ${what} is already running`, { hint: "Follow it, or cancel it first." });
		this.job = busy.id;
	}
}

/** Stores events, so that several pages can follow a job and reconnect. */
export class Jobs {
	readonly #entries = new Map<string, Entry>();
	#closed = false;

	/**
	 * @param locks resources that jobs of its kind can't share; default: its key
	 * @throws JobRefused if a running job of this kind has one of the locks; AgentvError
	 * `interrupted` if Studio is closing
	 */
	start(
		kind: string,
		key: string,
		work: (signal: AbortSignal) => AsyncIterable<unknown>,
		locks: readonly string[] = [key],
	): Job {
		if (this.#closed) throw new AgentvError("interrupted", "Studio is shutting down");
		for (const lock of locks) {
			const busy = this.running(kind, lock);
			if (busy) throw new JobRefused(busy, lock);
		}
		const job: Job = { id: randomUUID(), kind, key, started_at: new Date().toISOString(), state: "running" };
		const entry: Entry = {
			job,
			locks,
			events: [],
			count: 0,
			controller: new AbortController(),
			waiting: new Set(),
			finished: Promise.resolve(),
		};
		this.#entries.set(job.id, entry);
		entry.finished = this.#follow(entry, work);
		this.#forgetOldest();
		return entry.job;
	}

	get(id: string): Job | undefined {
		return this.#entries.get(id)?.job;
	}

	list(): Job[] {
		return [...this.#entries.values()].map((entry) => entry.job);
	}

	running(kind: string, lock: string): Job | undefined {
		for (const { job, locks } of this.#entries.values())
			if (job.state === "running" && job.kind === kind && locks.includes(lock)) return job;
		return undefined;
	}

	/** Requests a stop; the job's events report when it has stopped. */
	cancel(id: string): boolean {
		const entry = this.#entries.get(id);
		entry?.controller.abort();
		return entry !== undefined;
	}

	/** Yields past events after `last`, then new ones, until the job ends or `signal` aborts. */
	async *follow(id: string, last: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
		const entry = this.#entries.get(id);
		if (!entry) return;
		let wake = (): void => undefined;
		const woken = () => wake();
		signal.addEventListener("abort", woken, { once: true });
		let seen = last;
		try {
			while (!signal.aborted) {
				const first = entry.events[0]?.id ?? 0;
				for (const event of entry.events.slice(Math.max(0, seen + 1 - first))) {
					seen = event.id;
					yield event;
				}
				if (seen < entry.count) continue;
				if (entry.job.state !== "running") return;
				await new Promise<void>((resolve) => {
					wake = resolve;
					entry.waiting.add(woken);
				});
			}
		} finally {
			entry.waiting.delete(woken);
			signal.removeEventListener("abort", woken);
		}
	}

	/** Refuses new jobs, waits for the running ones to stop, and returns their number. */
	async close(): Promise<number> {
		this.#closed = true;
		const running = [...this.#entries.values()].filter(({ job }) => job.state === "running");
		for (const entry of running) entry.controller.abort();
		await Promise.all(running.map((entry) => entry.finished));
		return running.length;
	}

	async #follow(entry: Entry, work: (signal: AbortSignal) => AsyncIterable<unknown>): Promise<void> {
		const { signal } = entry.controller;
		let end: Pick<Job, "state" | "error"> = { state: "done" };
		try {
			for await (const data of work(signal)) this.#emit(entry, data);
		} catch (error) {
			end = { state: "failed", error: toErrorBody(error) };
		}
		// A job that completed before it noticed the request is done, not cancelled.
		const cut = end.error !== undefined || !entry.events.some(({ data }) => isOutcome(data));
		entry.job = { ...entry.job, ...(signal.aborted && cut ? { state: "cancelled" as const } : end) };
		this.#emit(entry, { type: "job", job: entry.job });
		entry.events.splice(0, entry.events.length - maxEventsOfEnded);
	}

	#emit(entry: Entry, data: unknown): void {
		entry.count += 1;
		entry.events.push({ id: entry.count, data });
		if (entry.events.length > 2 * maxEvents) entry.events.splice(0, entry.events.length - maxEvents);
		for (const wake of entry.waiting) wake();
		entry.waiting.clear();
	}

	#forgetOldest(): void {
		const ended = [...this.#entries.values()].filter((entry) => entry.job.state !== "running");
		for (const entry of ended.slice(0, Math.max(0, this.#entries.size - maxJobs))) this.#entries.delete(entry.job.id);
	}
}

function isOutcome(data: unknown): boolean {
	return (
		typeof data === "object" &&
		data !== null &&
		"type" in data &&
		data.type === "outcome" &&
		!("interrupted" in data && data.interrupted === true)
	);
}

/** Reveals nothing about the machine in unexpected errors. */
export function toErrorBody(error: unknown): NonNullable<Job["error"]> {
	if (!(error instanceof AgentvError)) return { code: "internal", message: "internal error" };
	return { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
}

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

	of(directory: string): string | null {
		const id = this.#byDirectory.get(directory);
		return id !== undefined && this.#jobs.get(id)?.state === "running" ? id : null;
	}
}
