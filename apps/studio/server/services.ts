import type { Jobs } from "./jobs.ts";
import type { StudioOptions } from "./options.ts";
import type { Session } from "./session.ts";

/** What every route gets. */
export interface Services {
	readonly options: StudioOptions;
	readonly session: Session;
	readonly jobs: Jobs;
}
