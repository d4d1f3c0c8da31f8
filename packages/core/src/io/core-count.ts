import { availableParallelism } from "node:os";

/** Returns how many programs this machine can run concurrently. */
export function coreCount(): number {
	return availableParallelism();
}
