import type { Assertion } from "../eval/eval-types.ts";
import { readAttempt, readRecordText, recordPath } from "../eval/run-digest.ts";
import {
	type AttemptFile,
	type Fingerprint,
	type GradedRecord,
	graderStage,
	type ResultRow,
	type RowError,
	type StageLog,
} from "../format/run-file.ts";
import { type EarlierResults, gradersToRun, type RegradeChoice } from "../grading/grade-answer.ts";
import { canonicalJson, omitUndefined } from "../lib/json.ts";
import { redactDeep } from "../lib/redact.ts";
import { readHead } from "../machine/read-file.ts";
import type { AnswerMessage, RequestMessage } from "../targets/contract.ts";
import type { TestWorkspace } from "../workspace/attempt-workspace.ts";
import type { FileChanges } from "../workspace/contract.ts";
import { type Answer, type Attempt, AttemptError, inputToWire, requestMessages } from "./attempt.ts";
import { keyOfRow, originKey, type PlannedCase, type RunPlan } from "./run-plan.ts";

interface Regrading {
	readonly choose: (assertion: Assertion, record: GradedRecord) => RegradeChoice;
	/** Whether results of the same run are replaced: then the cost of earlier grading is added. */
	readonly sameRun: boolean;
}

/** In bytes; longer texts stay in their files. */
const maxInMemory = 10 * 1024 * 1024;

const redacted = {
	code: "redacted",
	message: "secrets were redacted from the recorded answer, so it can't be graded again: run the test again",
};

export class RecordedAttempt {
	readonly #directory: string;
	readonly #file: AttemptFile | undefined;
	readonly #row: ResultRow | undefined;

	/** @param directory of the run with the attempt @param row absent if the run lacks the attempt */
	constructor(
		directory: string,
		row: ResultRow | undefined,
		private readonly regrading: Regrading,
	) {
		this.#directory = directory;
		this.#row = row;
		this.#file = row?.file === undefined ? undefined : readAttempt(directory, row.file);
	}

	get logs(): readonly StageLog[] {
		return (this.#file?.logs ?? []).filter(({ stage }) => stage !== "grade");
	}

	get metadata(): Readonly<Record<string, unknown>> {
		return this.#row?.metadata ?? {};
	}

	get fingerprint(): Fingerprint | undefined {
		return this.#row?.fingerprint;
	}

	get files(): AttemptFile["files"] {
		return this.#file?.files;
	}

	get isReadable(): boolean {
		return this.#file !== undefined;
	}

	get isRedacted(): boolean {
		return this.#file?.redacted === true;
	}

	/** @throws AttemptError if the conversation ended before a turn that now exists */
	refuseTurn(turn: number): void {
		const held = this.#file?.turns?.length ?? 0;
		if (turn < held) return;
		const where = held === 0 ? "has no turns" : `ended after turn ${held}`;
		throw refusal("no-answer", `turn ${turn + 1} has no recorded answer: the recorded conversation ${where}`);
	}

	/** @throws AttemptError if the answer comes from another workspace than the test's current one */
	refuseOtherWorkspace(today: Fingerprint): void {
		const { fingerprint: { workspace } = {}, error } = this.#row ?? {};
		const isAnswered = error === undefined || error.stage === graderStage;
		if (this.regrading.sameRun || !isAnswered || workspace === undefined || workspace === today.workspace) return;
		throw refusal(
			"workspace-changed",
			"the template or the repositories of the test are not those of the recorded answer",
		);
	}

	/** @throws AttemptError if it has no answer to grade, or one to another question */
	refuse({ planned, input }: Attempt, plan: RunPlan): void {
		if (!this.#row) throw refusal("no-answer", "the run has no record of this attempt");
		const file = this.#fileOrRefuse();
		const { error } = file;
		if (error?.stage === "dependency")
			throw refusal("no-answer", `the test has no recorded answer: ${error.message} then`, error.causedBy);
		if (error && error.stage !== graderStage) throw new AttemptError(error, file.messages && this.answer());
		if (file.output === null && file.outputPath === undefined) throw refusal("no-answer", "no answer is recorded");
		if (!answersTest(file, planned, input, plan))
			throw refusal("input-changed", "the test's question differs from that of the recorded answer");
	}

	#fileOrRefuse(): AttemptFile {
		if (this.#file) return this.#file;
		throw refusal("unreadable", "the recorded attempt is not readable");
	}

	needsWorkspace({ assertions, test }: PlannedCase): boolean {
		const again = [
			...gradersToRun(assertions, this.earlier()),
			...test.turns.flatMap((turn, index) => gradersToRun(turn.assertions, this.earlier(index))),
		];
		return again.some(({ type, command }) => type === "custom" || command !== undefined);
	}

	earlier(turn?: number): EarlierResults {
		const { choose, sameRun } = this.regrading;
		const turns = this.#file?.turns ?? [];
		const ofTurns = turns.reduce((sum, { scores }) => sum + scores.length, 0);
		const records =
			turn === undefined
				? (this.#file?.scores.slice(ofTurns) ?? [])
				: (turns[turn]?.scores ?? []).map((record) => ({ ...record, name: record.name.replace(/^turn \d+: /, "") }));
		return { records, choose, countsUsage: sameRun, ...(this.isRedacted ? { refusal: redacted } : {}) };
	}

	/** For the whole conversation, or one turn. @throws AttemptError if it is unreadable */
	answer(turn?: number): Answer {
		const file = this.#fileOrRefuse();
		const held = turn === undefined ? [] : (file.turns ?? []).slice(0, turn);
		const own = turn === undefined ? undefined : file.turns?.[turn];
		const first = held.reduce((sum, { messageCount }) => sum + messageCount, 0);
		const messages = (file.messages ?? []).slice(first, own && first + own.messageCount);
		const { output, outputPath, tokenUsage, costUsd, llmCalls, durationMs, cached } = own ?? file;
		const answer = omitUndefined({
			...(outputPath === undefined ? { text: output ?? "" } : this.#text(outputPath)),
			messages: messages.map(({ role, content, contentPath, toolCalls, durationMs }) =>
				omitUndefined({
					role: role as AnswerMessage["role"],
					content: content ?? (contentPath === undefined ? "" : this.#text(contentPath).text),
					...{ toolCalls, durationMs },
				}),
			),
			...{ durationMs, by: file.answeredBy ?? file.target, tries: file.tries ?? 1 },
			...{ stopReason: file.stopReason, cached, tokenUsage, costUsd, llmCalls, metadata: file.targetMetadata },
		});
		return this.regrading.sameRun ? answer : paidBefore(answer);
	}

	/** Restores the target's workspace changes after a turn, or all. @throws WorkspaceError */
	async fileChanges(workspace: TestWorkspace | undefined, turn?: number): Promise<FileChanges | undefined> {
		const turns = this.#file?.turns ?? [];
		const recorded = turn === undefined || turn === turns.length - 1 ? this.#file : turns[turn];
		const path = recorded?.fileChangesPath;
		if (!path) return undefined;
		const file = recordPath(this.#directory, path);
		if (workspace) {
			await workspace.applyChanges(file);
			return workspace.fileChanges();
		}
		const { fileChangesShownPath } = recorded;
		const shown = readRecordText(this.#directory, fileChangesShownPath ?? path);
		return { shown, patch: fileChangesShownPath === undefined ? { text: shown } : { file } };
	}

	#text(path: string): { readonly text: string; readonly textFile?: string } {
		const file = recordPath(this.#directory, path);
		const head = readHead(file, maxInMemory);
		if (!head) throw refusal("unreadable", `${path} of the recorded attempt is missing`);
		return head.cut ? { text: head.text, textFile: file } : { text: head.text };
	}
}

function refusal(code: string, message: string, causedBy?: RowError["causedBy"]): AttemptError {
	return new AttemptError(omitUndefined({ stage: "record", code, message, causedBy }));
}

function answersTest(file: AttemptFile, { test }: PlannedCase, input: readonly RequestMessage[], plan: RunPlan) {
	const turns = file.turns ?? [];
	if (turns.length > test.turns.length) return false;
	const questions = turns.map((_, index) => requestMessages(test.turns[index]?.input ?? [], test, plan));
	const today = redactDeep([input, ...questions].map(inputToWire), plan.redact);
	return canonicalJson(today) === canonicalJson([file.input, ...turns.map((turn) => turn.input)]);
}

function paidBefore(answer: Answer): Answer {
	const { tokenUsage, costUsd, durationMs } = answer;
	return {
		...answer,
		durationMs: 0,
		cached: answer.cached ?? omitUndefined({ durationMs, tokenUsage, costUsd }),
		...(tokenUsage === undefined ? {} : { tokenUsage: { input: 0, output: 0 } }),
		...(costUsd === undefined ? {} : { costUsd: 0 }),
	};
}

/**
 * Finds attempts whose recorded answers are graded instead of calling the target.
 * @param retried rows of the resumed run, in `directory`
 */
export function recordedAttempts(
	{ origin }: RunPlan,
	retried: readonly ResultRow[],
	directory: string,
): (planned: PlannedCase, attempt: number) => RecordedAttempt | undefined {
	const findRetried = finder(retried, ({ key }) => key);
	const findOrigin = origin?.kind === "regrade" && finder(origin.rows, (planned) => originKey(planned, origin));
	return (planned, attempt) => {
		const row = findRetried(planned, attempt);
		const own = row && new RecordedAttempt(directory, row, { choose: chooseMissing, sameRun: true });
		// If the original answer was redacted, the target is called again, except in a regrade.
		if (own?.isReadable && (findOrigin || !own.isRedacted)) return own;
		if (!origin || !findOrigin) return undefined;
		const regrading = { choose: chooseNamed(origin.graders), sameRun: false };
		return new RecordedAttempt(origin.directory, findOrigin(planned, attempt), regrading);
	};
}

function finder(rows: readonly ResultRow[], keyOf: (planned: PlannedCase) => string) {
	const byKey = new Map(rows.map((row) => [`${row.attempt} ${keyOfRow(row)}`, row]));
	return (planned: PlannedCase, attempt: number) => byKey.get(`${attempt} ${keyOf(planned)}`);
}

/** Runs graders without a score again; in a composite, only such parts. */
function chooseMissing(_: Assertion, { score, parts }: GradedRecord): RegradeChoice {
	if (score !== null) return "keep";
	return parts ? "parts" : "regrade";
}

/** Runs the named graders again, and composites that contain them; by default all. */
function chooseNamed(names: readonly string[] | undefined): (assertion: Assertion) => RegradeChoice {
	if (!names) return () => "regrade";
	const isNamed = (name: string) => names.includes(name);
	const holds = (assertion: Assertion): boolean =>
		assertion.parts?.some((part) => isNamed(part.name) || holds(part)) ?? false;
	return (assertion) => (isNamed(assertion.name) ? "regrade" : holds(assertion) ? "parts" : "keep");
}
