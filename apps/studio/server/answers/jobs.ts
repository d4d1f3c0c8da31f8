/** A job that outlives its request. */
export interface StartedAnswer {
	/** Followed at `GET /api/jobs/:id/events`, stopped by `POST /api/jobs/:id/cancel`. */
	readonly job: string;
}
