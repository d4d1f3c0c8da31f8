import { ownerTag } from "../lock-owner.ts";

/** A name or path of ours as a process would have made it that has ended since. */
export function asDead(name: string): string {
	return name.replace(ownerTag(), ownerTag().replace(/-[^-]+-[^-]+$/, "-2hwao1-1"));
}
