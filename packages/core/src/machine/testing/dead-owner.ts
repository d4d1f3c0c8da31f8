import { ownerTag } from "../directories.ts";

/** Returns a name or path as if its owner process had ended. */
export function asDead(name: string): string {
	return name.replace(ownerTag(), ownerTag().replace(/-[^-]+-[^-]+$/, "-2hwao1-1"));
}
