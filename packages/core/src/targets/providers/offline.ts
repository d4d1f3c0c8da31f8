import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { resolveWithinReach } from "../../eval/read-shape.ts";
import type { TargetWith } from "../../eval/resolve-target.ts";
import { textSchema, wireObject } from "../../format/codec.ts";
import { commonSettings } from "../../format/target-file.ts";
import { AgentvError } from "../../lib/errors.ts";
import { parseJsonLines } from "../../lib/json.ts";
import {
	asProblem,
	defineProvider,
	type TargetAnswer,
	type TargetOutcome,
	type TargetRequest,
	type TargetServices,
} from "../contract.ts";
import { answerOf } from "../read-answer.ts";

export const mock = defineProvider({
	name: "mock",
	kind: "offline",
	runs: "a fixed answer, offline",
	needs: "–",
	cost: "–",
	settings: wireObject({
		...commonSettings,
		response: textSchema.optional(),
		responses: z.record(z.string(), textSchema).optional(),
		delayMs: z.number().min(0).max(2_147_483_647).optional(),
	}),
	create: ({ settings: { responses = {}, response, delayMs = 0 } }) => ({
		check: async () => undefined,
		async invoke({ testId, signal }) {
			// The runner handles an abort.
			if (delayMs > 0) await setTimeout(delayMs, undefined, { signal }).catch(() => undefined);
			const own = Object.hasOwn(responses, testId) ? responses[testId] : undefined;
			return { ok: true, answer: { text: own ?? response ?? "This is the mock target's answer.", messages: [] } };
		},
	}),
});

interface Fixture {
	readonly answer: TargetAnswer;
	/** The repeat that it answers; undefined for any. */
	readonly attempt: number | undefined;
}

const settings = wireObject({ ...commonSettings, fixtures: z.string().min(1) });

type ReplayTarget = TargetWith<"replay", z.output<typeof settings>>;

/**
 * Reads JSON Lines of `{test_id, output}`; several lines of one test are turns of a conversation.
 */
export const replay = defineProvider({
	name: "replay",
	kind: "offline",
	runs: "recorded answers, offline",
	needs: "`fixtures`",
	cost: "as recorded",
	settings,
	create(target, services) {
		let fixtures: ReadonlyMap<string, readonly Fixture[]> | undefined;
		const load = () => {
			fixtures ??= readFixtures(target, services);
			return fixtures;
		};
		return {
			async check() {
				try {
					load();
					return undefined;
				} catch (error) {
					return asProblem(error);
				}
			},
			invoke: async (request) => recorded(load(), request),
		};
	},
});

function recorded(fixtures: ReadonlyMap<string, readonly Fixture[]>, request: TargetRequest): TargetOutcome {
	const { testId, attempt, session } = request;
	const all = fixtures.get(testId) ?? [];
	const own = all.filter((fixture) => fixture.attempt === attempt);
	const turns = own.length > 0 ? own : all.filter((fixture) => fixture.attempt === undefined);
	const turn = typeof session === "number" ? session : 0;
	const recorded = turns[turn] ?? turns.at(-1);
	if (recorded) return { ok: true, answer: { ...recorded.answer, session: turn + 1 } };
	const message = `no recorded answer for ${JSON.stringify(testId)}${all.length > 0 ? `, attempt ${attempt}` : ""}`;
	return { ok: false, failure: { code: "not-recorded", message, retryable: false } };
}

function readFixtures(target: ReplayTarget, services: TargetServices): ReadonlyMap<string, readonly Fixture[]> {
	const path = target.fixtures ?? {
		kind: "fixtures",
		raw: target.settings.fixtures,
		at: target.at,
		base: services.scope.directory,
	};
	const { path: file } = resolveWithinReach(path, services.scope, services.view);
	const { rows, diagnostics } = parseJsonLines(services.view.readText(file), file);
	const bad = diagnostics[0];
	if (bad) throw new AgentvError("config", `${file}:${bad.at.line ?? 1}: ${bad.message}`);
	const fixtures = new Map<string, Fixture[]>();
	for (const { value, line, spelled } of rows) {
		const written = typeof value === "object" && value !== null ? (value as { test_id?: unknown }).test_id : undefined;
		// An id of digits can exceed what a number represents.
		const id = typeof written === "number" ? (spelled.get("test_id") ?? String(written)) : written;
		const answer = answerOf(value);
		if (typeof id !== "string" || !answer)
			throw new AgentvError("config", `${file}:${line}: expected {"test_id": …, "output": …}`);
		const { attempt } = value as { attempt?: unknown };
		const list = fixtures.get(id) ?? [];
		list.push({ answer, attempt: typeof attempt === "number" ? attempt : undefined });
		fixtures.set(id, list);
	}
	return fixtures;
}
