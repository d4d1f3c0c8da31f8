import { ownerTag } from "../directories.ts";

/** Returns the name or path as if a process had created it that has ended since. */
export function asDead(name: string): string {
	return name.replace(ownerTag(), ownerTag().replace(/-[^-]+-[^-]+$/, "-2hwao1-1"));
}
