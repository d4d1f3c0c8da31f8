import { useEffect, useRef, useState } from "react";
import { apiAddress } from "./api.ts";

/** A job as its page follows it: what its events have come to, and how it ended. */
export interface FollowedJob<State> {
	readonly state: State;
	readonly ended: JobEnd | undefined;
	/** The connection is lost; the browser is trying again. */
	readonly waiting: boolean;
}

export interface JobEnd {
	readonly state: "done" | "failed" | "cancelled";
	readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** Events that come faster than this are drawn together. */
const drawMs = 60;

/**
 * Follows the events of job `id`, folding them into one state; `undefined` follows nothing.
 * @param reduce what an event does to the state
 * @param start the state before the first event
 */
export function useJob<Event, State>(
	id: string | undefined,
	reduce: (state: State, event: Event) => State,
	start: State,
): FollowedJob<State> {
	const [followed, setFollowed] = useState<FollowedJob<State>>({ state: start, ended: undefined, waiting: false });
	const fold = useRef({ reduce, start });
	fold.current = { reduce, start };
	useEffect(() => {
		setFollowed({ state: fold.current.start, ended: undefined, waiting: false });
		if (id === undefined) return;
		return followJob<Event>(id, (events, ended, waiting) =>
			setFollowed((before) => ({
				state: events.reduce(fold.current.reduce, before.state),
				ended: ended ?? before.ended,
				waiting: waiting && before.ended === undefined,
			})),
		);
	}, [id]);
	return followed;
}

type JobListener<Event> = (events: readonly Event[], ended: JobEnd | undefined, waiting: boolean) => void;

/** A browser opens six connections to a server and an event stream keeps one, so some jobs wait for their turn. */
const mostStreams = 3;
let streams = 0;
const inLine: (() => void)[] = [];

/** Follows a job until it ends or the returned function is called; events are handed over in small batches. */
export function followJob<Event>(id: string, listener: JobListener<Event>): () => void {
	let stop = () => {
		const place = inLine.indexOf(begin);
		if (place !== -1) inLine.splice(place, 1);
	};
	const begin = () => {
		streams += 1;
		let open = true;
		stop = openStream<Event>(id, (events, ended, waiting) => {
			listener(events, ended, waiting);
			if (ended) stop();
		});
		const close = stop;
		stop = () => {
			close();
			if (!open) return;
			open = false;
			streams -= 1;
			inLine.shift()?.();
		};
	};
	if (streams < mostStreams) begin();
	else inLine.push(begin);
	return () => stop();
}

function openStream<Event>(id: string, listener: JobListener<Event>): () => void {
	const source = new EventSource(`${apiAddress}/jobs/${encodeURIComponent(id)}/events`);
	let queue: Event[] = [];
	let timer: ReturnType<typeof setTimeout> | undefined;
	const flush = (ended?: JobEnd) => {
		clearTimeout(timer);
		timer = undefined;
		const events = queue;
		queue = [];
		listener(events, ended, false);
	};
	source.onmessage = (message: MessageEvent<string>) => {
		const event = JSON.parse(message.data) as Event | { type: "job"; job: JobEnd };
		if (isEnd(event)) flush(event.job);
		else {
			queue.push(event);
			timer ??= setTimeout(flush, drawMs);
		}
	};
	source.onerror = () => {
		// The browser tries again by itself, unless the server says that there is no such job.
		if (source.readyState === EventSource.CLOSED) flush(lost);
		else listener([], undefined, true);
	};
	return () => {
		clearTimeout(timer);
		source.close();
	};
}

const lost: JobEnd = {
	state: "failed",
	error: { code: "lost", message: "Studio no longer knows this job", hint: "it may have been restarted; look again" },
};

function isEnd(event: unknown): event is { type: "job"; job: JobEnd } {
	return typeof event === "object" && event !== null && (event as { type?: unknown }).type === "job";
}
