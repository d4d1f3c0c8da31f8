import { law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type CacheItem, cacheKinds, planPrune } from "./prune-cache.ts";

const now = 1_000_000;

const item: fc.Arbitrary<CacheItem> = fc.record({
	kind: fc.constantFrom(...cacheKinds),
	path: fc.string(),
	bytes: fc.nat(),
	usedAt: fc.integer({ min: 0, max: now }),
	state: fc.oneof(
		fc.constantFrom({ is: "idle" } as const, { is: "left" } as const),
		fc.record({ is: fc.constant("in-use" as const), pid: fc.nat() }),
		fc.record({ is: fc.constant("foreign" as const), reason: fc.string() }),
	),
});
const rule = fc.record({ olderThanMs: fc.nat({ max: now }), all: fc.boolean() });

it("either removes or keeps each item, and never removes one in use or owned by others", () => {
	fc.assert(
		fc.property(fc.array(item), rule, (items, how) => {
			const { remove, keep } = planPrune(items, how, now);
			expect(new Set([...remove, ...keep.map((kept) => kept.item)])).toEqual(new Set(items));
			expect(remove.length + keep.length).toBe(items.length);
			for (const { state, usedAt } of remove) {
				expect(["idle", "left"]).toContain(state.is);
				if (state.is === "idle" && !how.all) expect(now - usedAt).toBeGreaterThanOrEqual(how.olderThanMs);
			}
			for (const kept of keep) expect(kept.item.state.is).not.toBe("left");
		}),
		law(300),
	);
});

it("removes no fewer items for a lower age limit, and the most with `all`", () => {
	fc.assert(
		fc.property(fc.array(item), fc.nat({ max: now }), fc.nat({ max: now }), (items, one, other) => {
			const removed = (olderThanMs: number, all = false) => planPrune(items, { olderThanMs, all }, now).remove;
			const [less, more] = [removed(Math.max(one, other)), removed(Math.min(one, other))];
			expect(more).toEqual(expect.arrayContaining([...less]));
			expect(removed(now, true)).toEqual(expect.arrayContaining([...more]));
		}),
		law(300),
	);
});
