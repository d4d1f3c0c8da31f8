import { useEffect, useRef, useState } from "react";
import { apiAddress } from "./api.ts";

/**
 * Reads the events of `path` until one has the type `end` or `signal` aborts.
 * @param ids sent as `?id=a&id=b`
 */
export function readEvents<Event extends { readonly type: string }>(
	path: string,
	ids: readonly string[],
	signal: AbortSignal,
	onEvent: (event: Event) => void,
): Promise<void> {
	return new Promise((resolve, reject) => {
		const source = new EventSource(`${apiAddress}${path}?${new URLSearchParams(ids.map((id) => ["id", id]))}`);
		const stop = () => {
			source.close();
			resolve();
		};
		signal.addEventListener("abort", stop, { once: true });
		source.onmessage = (message: MessageEvent<string>) => {
			const event = JSON.parse(message.data) as Event;
			if (event.type === "end") stop();
			else onEvent(event);
		};
		source.onerror = () => {
			source.close();
			reject(new Error("lost the connection to Studio"));
		};
	});
}

interface FollowedJob<State> {
	readonly state: State;
	readonly ended: JobEnd | undefined;
	/** The browser is reconnecting. */
	readonly waiting: boolean;
}

export interface JobEnd {
	readonly state: "done" | "failed" | "cancelled";
	readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/**
 * Follows the events of a job and reduces them to a state.
 * @param id undefined follows nothing
 * @example const { state, ended } = useJob(job, (count: number, event: Event) => count + 1, 0);
 */
export function useJob<Event, State>(
	id: string | undefined,
	reduce: (state: State, event: Event) => State,
	initial: State,
): FollowedJob<State> {
	const [followed, setFollowed] = useState<FollowedJob<State>>({ state: initial, ended: undefined, waiting: false });
	const latest = useRef({ reduce, initial });
	latest.current = { reduce, initial };
	useEffect(() => {
		setFollowed({ state: latest.current.initial, ended: undefined, waiting: false });
		if (id === undefined) return;
		return followJob<Event>(id, (events, ended, waiting) =>
			setFollowed((before) => ({
				state: events.reduce(latest.current.reduce, before.state),
				ended: ended ?? before.ended,
				waiting: waiting && before.ended === undefined,
			})),
		);
	}, [id]);
	return followed;
}

type JobListener<Event> = (events: readonly Event[], ended: JobEnd | undefined, waiting: boolean) => void;

/** Browsers open at most six connections to a server, and each event stream occupies one. */
const maxStreams = 3;
let streams = 0;
const queued: (() => void)[] = [];

/** Calls `listener` with batches of events until the job ends or the caller stops it. */
export function followJob<Event>(id: string, listener: JobListener<Event>): () => void {
	let stop = () => {
		const index = queued.indexOf(start);
		if (index !== -1) queued.splice(index, 1);
	};
	const start = () => {
		streams += 1;
		let isOpen = true;
		const close = openStream<Event>(id, (events, ended, waiting) => {
			listener(events, ended, waiting);
			if (ended) stop();
		});
		stop = () => {
			close();
			if (!isOpen) return;
			isOpen = false;
			streams -= 1;
			queued.shift()?.();
		};
	};
	if (streams < maxStreams) start();
	else queued.push(start);
	return () => stop();
}

/** Events within this time are rendered together. */
const batchMs = 60;

const lost: JobEnd = {
	state: "failed",
	error: { code: "lost", message: "Studio no longer knows this job", hint: "it may have restarted; reload the page" },
};

function openStream<Event>(id: string, listener: JobListener<Event>): () => void {
	const source = new EventSource(`${apiAddress}/jobs/${encodeURIComponent(id)}/events`);
	let batch: Event[] = [];
	let timer: ReturnType<typeof setTimeout> | undefined;
	const flush = (ended?: JobEnd) => {
		clearTimeout(timer);
		timer = undefined;
		const events = batch;
		batch = [];
		listener(events, ended, false);
	};
	source.onmessage = (message: MessageEvent<string>) => {
		const event = JSON.parse(message.data) as Event | { type: "job"; job: JobEnd };
		if (isEnd(event)) flush(event.job);
		else {
			batch.push(event);
			timer ??= setTimeout(flush, batchMs);
		}
	};
	source.onerror = () => {
		// The browser reconnects, unless the server responded that there is no such job.
		if (source.readyState === EventSource.CLOSED) flush(lost);
		else listener([], undefined, true);
	};
	return () => {
		clearTimeout(timer);
		source.close();
	};
}

function isEnd(event: unknown): event is { type: "job"; job: JobEnd } {
	return typeof event === "object" && event !== null && (event as { type?: unknown }).type === "job";
}
