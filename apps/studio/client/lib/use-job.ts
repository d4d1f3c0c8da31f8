import { useEffect, useState } from "react";

/** A job as its page follows it: every event so far, and how it ended. */
export interface FollowedJob<Event> {
	readonly events: readonly Event[];
	readonly ended: JobEnd | undefined;
	/** The connection is lost; the browser is trying again. */
	readonly waiting: boolean;
}

export interface JobEnd {
	readonly state: "done" | "failed" | "cancelled";
	readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

const nothing = { events: [], ended: undefined, waiting: false } as const;

/** Follows the events of job `id`; `undefined` follows nothing. */
export function useJob<Event>(id: string | undefined): FollowedJob<Event> {
	const [followed, setFollowed] = useState<FollowedJob<Event>>(nothing);
	useEffect(() => {
		setFollowed(nothing);
		if (id === undefined) return;
		const source = new EventSource(`/api/jobs/${encodeURIComponent(id)}/events`);
		source.onmessage = (message: MessageEvent<string>) => {
			const event = JSON.parse(message.data) as Event | { type: "job"; job: JobEnd };
			if (isEnd(event)) {
				source.close();
				setFollowed((before) => ({ ...before, ended: event.job, waiting: false }));
			} else setFollowed((before) => ({ events: [...before.events, event], ended: undefined, waiting: false }));
		};
		source.onerror = () => setFollowed((before) => (before.ended ? before : { ...before, waiting: true }));
		return () => source.close();
	}, [id]);
	return followed;
}

function isEnd(event: unknown): event is { type: "job"; job: JobEnd } {
	return typeof event === "object" && event !== null && (event as { type?: unknown }).type === "job";
}
