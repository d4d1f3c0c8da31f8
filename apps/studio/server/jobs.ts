import { randomUUID } from "node:crypto";
import { AgentvError } from "@agentv/core";

/** A piece of work that goes on after its request was answered: a sync, a bundle, a run. */
export interface Job {
	readonly id: string;
	/** `sync`, `bundle`, `run`. */
	readonly kind: string;
	/** What it works on; one job at a time has a kind and key. */
	readonly key: string;
	readonly startedAt: string;
	readonly state: "running" | "done" | "failed" | "cancelled";
	readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface JobEvent {
	/** Counts up from 1 within a job; what a reader that comes back has seen last. */
	readonly id: number;
	readonly data: unknown;
}

/** A late reader gets at most this many events of the past; states that matter are repeated by later events. */
const keptEvents = 5000;
const keptJobs = 200;

interface Entry {
	job: Job;
	readonly events: JobEvent[];
	count: number;
	readonly controller: AbortController;
	readonly waiting: Set<() => void>;
	readonly finished: Promise<void>;
}

/** Runs jobs and keeps their events, so that any number of pages may follow one and come back to it. */
export class Jobs {
	readonly #entries = new Map<string, Entry>();

	/** Starts `work` unless a job of this kind and key is under way. Throws `AgentvError` `refused` then. */
	start(kind: string, key: string, work: (signal: AbortSignal) => AsyncIterable<unknown>): Job {
		const busy = this.running(kind, key);
		if (busy)
			throw new AgentvError("refused", `a ${kind} of ${key} is under way`, { hint: "follow it, or cancel it first" });
		const controller = new AbortController();
		const job: Job = { id: randomUUID(), kind, key, startedAt: new Date().toISOString(), state: "running" };
		const entry: Entry = { job, events: [], count: 0, controller, waiting: new Set(), finished: Promise.resolve() };
		this.#entries.set(job.id, entry);
		Object.assign(entry, { finished: this.#follow(entry, work(controller.signal)) });
		this.#forgetOldest();
		return entry.job;
	}

	get(id: string): Job | undefined {
		return this.#entries.get(id)?.job;
	}

	list(): Job[] {
		return [...this.#entries.values()].map((entry) => entry.job);
	}

	running(kind: string, key: string): Job | undefined {
		return this.list().find((job) => job.state === "running" && job.kind === kind && job.key === key);
	}

	/** Asks a job to stop. Its events tell when it has. */
	cancel(id: string): boolean {
		const entry = this.#entries.get(id);
		entry?.controller.abort();
		return entry !== undefined;
	}

	/** The job's events after `last`, then those to come, until it ends or `signal` aborts. */
	async *follow(id: string, last: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
		const entry = this.#entries.get(id);
		let seen = last;
		while (entry && !signal.aborted) {
			for (const event of entry.events.filter((candidate) => candidate.id > seen)) {
				seen = event.id;
				yield event;
			}
			if (entry.job.state !== "running") return;
			await new Promise<void>((wake) => {
				entry.waiting.add(wake);
				signal.addEventListener("abort", () => wake(), { once: true });
			});
		}
	}

	/** Stops every job and waits until they have put things down. */
	async close(): Promise<void> {
		for (const entry of this.#entries.values()) entry.controller.abort();
		await Promise.all([...this.#entries.values()].map((entry) => entry.finished));
	}

	async #follow(entry: Entry, events: AsyncIterable<unknown>): Promise<void> {
		try {
			for await (const data of events) this.#emit(entry, data);
			entry.job = { ...entry.job, state: entry.controller.signal.aborted ? "cancelled" : "done" };
		} catch (error) {
			const known = error instanceof AgentvError;
			const what = known
				? { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) }
				: { code: "internal", message: "Studio met a fault of its own" };
			entry.job = { ...entry.job, state: entry.controller.signal.aborted ? "cancelled" : "failed", error: what };
		}
		this.#emit(entry, { type: "job", job: entry.job });
	}

	#emit(entry: Entry, data: unknown): void {
		entry.count += 1;
		entry.events.push({ id: entry.count, data });
		if (entry.events.length > keptEvents) entry.events.splice(0, entry.events.length - keptEvents);
		for (const wake of entry.waiting) wake();
		entry.waiting.clear();
	}

	#forgetOldest(): void {
		const ended = [...this.#entries.values()].filter((entry) => entry.job.state !== "running");
		for (const entry of ended.slice(0, Math.max(0, this.#entries.size - keptJobs))) this.#entries.delete(entry.job.id);
	}
}
