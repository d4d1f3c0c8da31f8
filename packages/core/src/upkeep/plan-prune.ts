import type { CacheItem } from "./cache-item.ts";

export interface PruneRule {
	/** What was of use within this time stays. */
	readonly olderThanMs: number;
	/** Everything that nobody uses goes, however new. */
	readonly all?: boolean;
}

export interface KeptItem {
	readonly item: CacheItem;
	readonly reason: "recent" | "in-use" | "foreign";
}

export interface PrunePlan {
	readonly remove: readonly CacheItem[];
	readonly keep: readonly KeptItem[];
}

/** Decides what goes: what killed processes left, always; what nobody uses, once it is old. */
export function planPrune(items: readonly CacheItem[], rule: PruneRule, now: number): PrunePlan {
	const remove: CacheItem[] = [];
	const keep: KeptItem[] = [];
	for (const item of items) {
		const reason = reasonToKeep(item, rule, now);
		if (reason) keep.push({ item, reason });
		else remove.push(item);
	}
	return { remove, keep };
}

function reasonToKeep({ state, usedAt }: CacheItem, { olderThanMs, all }: PruneRule, now: number) {
	if (state.is === "foreign" || state.is === "in-use") return state.is;
	const isRecent = state.is === "idle" && all !== true && now - usedAt < olderThanMs;
	return isRecent ? "recent" : undefined;
}
