import { describe, expect, it } from "vitest";
import { modelServer } from "./testing/model-server.ts";
import { request } from "./testing/target-from.ts";
import { vendors } from "./testing/vendors.ts";

type Json = Record<string, unknown>;

/** Returns a vendor's answer that did not end regularly. */
function ended(name: string, answer: Json, how: "refusal" | "length" | "content_filter"): Json | undefined {
	if ("choices" in answer) {
		const [choice] = answer["choices"] as [{ message: Json }];
		if (how !== "refusal") return { ...answer, choices: [{ ...choice, finish_reason: how }] };
		const message = { ...choice.message, content: null, refusal: "I can't help with that." };
		return { ...answer, choices: [{ ...choice, message, finish_reason: "stop" }] };
	}
	if ("status" in answer) {
		const output = answer["output"] as [Json, Json];
		const content = [{ type: "refusal", refusal: "I can't help with that." }];
		if (how === "refusal") return { ...answer, output: [output[0], { ...output[1], content }] };
		const reason = how === "length" ? "max_output_tokens" : how;
		return { ...answer, status: "incomplete", incomplete_details: { reason } };
	}
	if ("stop_reason" in answer) {
		if (how === "content_filter") return undefined;
		return { ...answer, stop_reason: how === "length" ? "max_tokens" : how };
	}
	if (name !== "gemini") throw new Error(`no such answer of ${name}`);
	if (how === "refusal") return undefined;
	const [candidate] = answer["candidates"] as [Json];
	return { ...answer, candidates: [{ ...candidate, finishReason: how === "length" ? "MAX_TOKENS" : "SAFETY" }] };
}

describe.each(vendors)("$name", (vendor) => {
	it.each(["refusal", "length", "content_filter"] as const)("reports that an answer ended by %s", async (how) => {
		const body = ended(vendor.name, vendor.answer("I can't help with that.") as Json, how);
		if (!body) return;
		const server = await modelServer(() => ({ json: body }));
		expect(await vendor.target(server.url).invoke(request("four?"))).toMatchObject({
			ok: true,
			answer: {
				stopReason: how,
				text: "I can't help with that.",
				messages: [{ content: "I can't help with that." }],
				tokenUsage: { input: 120, output: 30 },
			},
		});
	});

	it("reports no stop reason for a complete answer", async () => {
		const server = await modelServer(() => ({ json: vendor.answer("four") }));
		expect(await vendor.target(server.url).invoke(request("four?"))).not.toHaveProperty("answer.stopReason");
	});
});
