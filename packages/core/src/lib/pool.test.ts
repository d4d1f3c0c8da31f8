import fc from "fast-check";
import { expect, test } from "vitest";
import { iteratePool, mapPool } from "./pool.ts";

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

test("limits concurrency and returns the results in the order of the items", async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.nat(3), { maxLength: 20 }),
			fc.integer({ min: 1, max: 5 }),
			async (items, concurrency) => {
				let running = 0;
				let most = 0;
				const results = await mapPool(items, { concurrency }, async (item, index) => {
					most = Math.max(most, ++running);
					await pause(item);
					running--;
					return [item, index];
				});
				expect(results).toEqual(items.map((item, index) => [item, index]));
				expect(most).toBe(Math.min(items.length, concurrency));
			},
		),
		{ numRuns: 30 },
	);
});

test("starts no new items after a failure and waits for the running ones", async () => {
	const started: number[] = [];
	const ended: number[] = [];
	const work = async (item: number) => {
		started.push(item);
		if (item === 1) throw new Error("one failed");
		await pause(10);
		ended.push(item);
	};
	await expect(mapPool([0, 1, 2, 3, 4], { concurrency: 2 }, work)).rejects.toThrow("one failed");
	expect(started).toEqual([0, 1]);
	expect(ended).toEqual([0]);
});

test("rejects with the abort's reason, and starts nothing after an abort", async () => {
	const stop = new AbortController();
	const seen: number[] = [];
	const options = { concurrency: 1, signal: stop.signal };
	const work = async (item: number) => {
		seen.push(item);
		if (item === 1) stop.abort(new Error("enough"));
	};
	await expect(mapPool([0, 1, 2, 3], options, work)).rejects.toThrow("enough");
	await expect(mapPool([7], options, work)).rejects.toThrow("enough");
	expect(seen).toEqual([0, 1]);
});

test("yields results as they finish, including those that finish before a failure", async () => {
	const order: number[] = [];
	const loop = async () => {
		for await (const { result } of iteratePool([30, 1, 10], { concurrency: 3 }, async (ms) => {
			await pause(ms);
			if (ms === 30) throw new Error("last");
			return ms;
		}))
			order.push(result);
	};
	await expect(loop()).rejects.toThrow("last");
	expect(order).toEqual([1, 10]);
});

test("starts no new items if the caller leaves the loop early", async () => {
	const seen: number[] = [];
	for await (const { item } of iteratePool([0, 1, 2, 3], { concurrency: 1 }, async (n) => void seen.push(n))) {
		if (item === 0) break;
	}
	expect(seen.length).toBeLessThan(4);
});
