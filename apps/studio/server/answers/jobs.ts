/** A piece of work that goes on after its request was answered. */
export interface StartedAnswer {
	/** Followed at `GET /api/jobs/:id/events`, stopped by `POST /api/jobs/:id/cancel`. */
	readonly job: string;
}
