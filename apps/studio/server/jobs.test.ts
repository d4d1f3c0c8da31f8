import { AgentvError } from "@agentv/core";
import { describe, expect, it } from "vitest";
import { Jobs } from "./jobs.ts";

/** Counts until it is aborted. */
async function* counting(signal: AbortSignal) {
	for (let number = 1; !signal.aborted; number++) {
		yield { number };
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
}

async function all(jobs: Jobs, id: string, last = 0) {
	const events = [];
	for await (const event of jobs.follow(id, last, new AbortController().signal)) events.push(event);
	return events;
}

describe("a job", () => {
	it("sends its events to any number of readers, from the start or after a given event", async () => {
		const jobs = new Jobs();
		const { id } = jobs.start("count", "a", async function* () {
			yield* ["one", "two", "three"];
		});
		const events = await all(jobs, id);
		expect(events.map((event) => event.id)).toEqual([1, 2, 3, 4]);
		expect(events.at(-1)?.data).toMatchObject({ type: "job", job: { state: "done" } });
		expect((await all(jobs, id, 2)).map((event) => event.id)).toEqual([3, 4]);
		expect(await all(jobs, id, 99)).toEqual([]);
	});

	it("has exclusive locks and releases them when it is cancelled", async () => {
		const jobs = new Jobs();
		const first = jobs.start("sync", "all", counting, ["a", "b"]);
		expect(() => jobs.start("sync", "b", counting)).toThrow(
			expect.objectContaining({ code: "refused", job: first.id }),
		);
		const other = jobs.start("run", "b", counting);
		jobs.cancel(first.id);
		jobs.cancel(other.id);
		expect((await all(jobs, first.id)).at(-1)?.data).toMatchObject({ job: { state: "cancelled" } });
		expect(jobs.running("sync", "b")).toBeUndefined();
	});

	it("fails with the message of an AgentvError, and hides that of any other error", async () => {
		const jobs = new Jobs();
		const end = async (error: Error) => {
			// biome-ignore lint/correctness/useYield: it fails before the first event
			const { id } = jobs.start("x", error.message, async function* () {
				throw error;
			});
			return (await all(jobs, id)).at(-1)?.data;
		};
		expect(await end(new AgentvError("failed", "no network", { hint: "plug it in" }))).toMatchObject({
			job: { state: "failed", error: { code: "failed", message: "no network", hint: "plug it in" } },
		});
		expect(await end(new Error("/home/me/secret"))).toMatchObject({
			job: { error: { code: "internal", message: "internal error" } },
		});
	});

	it("keeps only the last events, with their original numbers", async () => {
		const jobs = new Jobs();
		const { id } = jobs.start("x", "a", async function* () {
			for (let number = 1; number <= 10_000; number++) yield number;
		});
		await all(jobs, id);
		const late = await all(jobs, id);
		expect(late.length).toBe(200);
		expect(late.at(-1)?.id).toBe(10_001);
	});
});

it("close ends running jobs, returns their number, and prevents new ones", async () => {
	const jobs = new Jobs();
	const { id } = jobs.start("x", "a", counting);
	expect(await jobs.close()).toBe(1);
	expect(jobs.get(id)?.state).toBe("cancelled");
	expect(() => jobs.start("x", "b", counting)).toThrow(expect.objectContaining({ code: "interrupted" }));
	expect(await jobs.close()).toBe(0);
});
