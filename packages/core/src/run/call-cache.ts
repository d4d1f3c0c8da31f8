import { join } from "node:path";
import { canonicalJson } from "../base/canonical-json.ts";
import { readJson } from "../base/read-json.ts";
import { type Redactor, redactDeep } from "../base/redact.ts";
import { digestText } from "../io/files/digest-tree.ts";
import { makeDirectories } from "../io/files/make-directories.ts";
import { readBytes, readTextFile } from "../io/files/read-text.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { touch } from "../io/files/touch.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { RequestPiece, TargetAnswer, TargetRequest } from "../targets/contract.ts";
import { stopReasonOf } from "../targets/stop-reason.ts";
import { isModel } from "./grader-targets.ts";

/** What of a target has no bearing on its answers: who may ask how often, and the key that opens the door. */
const without: ReadonlySet<string> = new Set([
	...["name", "workers", "requests_per_minute", "timeout_seconds", "max_retries", "fallback_targets"],
	...["retry_initial_delay_ms", "retry_max_delay_ms", "retry_backoff_factor", "retry_status_codes"],
	...["api_key", "grader_target", "judge_target", "hooks", "verbose", "log_dir", "stream_log", "use_target", "extends"],
]);

type Question = Pick<TargetRequest, "messages" | "attempt" | "answerSchema">;

/**
 * Answers of language models by everything that they depend on: provider, model, all settings, the whole input with its files, the form
 * that was asked for, and the number of the attempt. Other targets act on a workspace, which no cache could bring back.
 */
export class CallCache {
	readonly #directory: string;
	readonly #redact: Redactor;

	/** @param directory absolute; made when something is kept */
	constructor(directory: string, redact: Redactor) {
		this.#directory = directory;
		this.#redact = redact;
	}

	/** Where a call's answer is kept; `undefined` for targets that are not cached. */
	place({ provider, wire }: ResolvedTarget, { messages, attempt, answerSchema }: Question): string | undefined {
		if (!isModel(provider)) return undefined;
		const settings = Object.fromEntries(Object.entries(wire).filter(([key]) => !without.has(key)));
		const input = messages.map(({ content, ...rest }) => ({ ...rest, content: content.map(print) }));
		const key = digestText(canonicalJson({ provider, settings, input, attempt, answerSchema: answerSchema ?? null }));
		return join(this.#directory, key.slice(0, 2), `${key}.json`);
	}

	/** The answer that is kept there. What can't be read counts as not kept. */
	read(place: string): TargetAnswer | undefined {
		if (targetKind(place) !== "file") return undefined;
		const read = readJson(readTextFile(place));
		const answer = "value" in read ? (read.value as Partial<TargetAnswer> | null) : undefined;
		if (typeof answer?.text !== "string" || !Array.isArray(answer.messages)) return undefined;
		// Earlier versions kept answers that were cut short.
		if (answer.stopReason ?? stopReasonOf(answer.metadata?.["finish_reason"])) return undefined;
		// What was of use lately is not tidied away.
		touch(place);
		return asCached(answer as TargetAnswer);
	}

	/**
	 * Only the user may read it: answers are nobody else's business. One that holds a secret is not kept: redacted it would be another answer.
	 */
	keep(place: string, answer: TargetAnswer): void {
		if (answer.textFile !== undefined || redactDeep(answer, this.#redact) !== answer) return;
		makeDirectories(join(place, ".."));
		writeAtomic(place, JSON.stringify(answer), { mode: 0o600 });
	}
}

/** An answer that costs nothing now, with what it took when it was made. */
function asCached({ tokenUsage, costUsd, durationMs, warnings: _, ...answer }: TargetAnswer): TargetAnswer {
	return {
		...answer,
		tokenUsage: { input: 0, output: 0 },
		costUsd: 0,
		durationMs: 0,
		cached: {
			...(durationMs === undefined ? {} : { durationMs: Math.round(durationMs) }),
			...(tokenUsage === undefined ? {} : { tokenUsage }),
			...(costUsd === undefined ? {} : { costUsd }),
		},
		metadata: { ...answer.metadata, cached: true },
	};
}

/** A piece by what it holds, wherever its file lies. */
function print(piece: RequestPiece): unknown {
	if (piece.type === "text") return piece;
	const { path, ...rest } = piece;
	return { ...rest, digest: digestText(readBytes(path)) };
}
