import { availableParallelism } from "node:os";

/** How many programs this machine can run at once. */
export function coreCount(): number {
	return availableParallelism();
}
