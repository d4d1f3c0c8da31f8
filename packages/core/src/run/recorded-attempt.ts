import { dirname } from "node:path";
import { findScope } from "../eval/discover-evals.ts";
import type { Assertion, Message, TestCase, WorkspaceRepo } from "../eval/eval-types.ts";
import type { PinnedRepository } from "../eval/fingerprint.ts";
import { pathOutside, resolvePath, resolveWithinReach } from "../eval/read-shape.ts";
import { isMadeHere, optionOf, readAttempt, readRecordText, recordPath } from "../eval/run-digest.ts";
import type { DiskView } from "../eval/source.ts";
import type { TrustSubject } from "../eval/trust.ts";
import {
	type AttemptFile,
	type AttemptTurn,
	type Fingerprint,
	type GradedRecord,
	graderStage,
	type ResultRow,
	type RunFile,
	type StageLog,
} from "../format/run-file.ts";
import { messageToWire } from "../grading/attempt-record.ts";
import { measuresOf } from "../grading/contract.ts";
import { type EarlierResults, gradersToRun, type RegradeChoice } from "../grading/grade-answer.ts";
import { AgentvError } from "../lib/errors.ts";
import { redactUrl } from "../lib/git-url.ts";
import { canonicalJson } from "../lib/json.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath } from "../machine/files.ts";
import { readHead } from "../machine/read-file.ts";
import type { AnswerMessage, RequestMessage, RequestPiece } from "../targets/contract.ts";
import type { TestWorkspace } from "../workspace/attempt-workspace.ts";
import type { FileChanges } from "../workspace/contract.ts";
import { type AnswerSource, AttemptError, type GivenAnswer, type StageTimer } from "./attempt-outcome.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";
import type { RunRequest } from "./run-request.ts";

/**
 * Refuses files that only a run's record names if they may have come with it: evals in the run's
 * own directory, and a targets or `.env` file there or outside an eval's root.
 * @throws AgentvError `usage`
 */
export function refuseRecordedFiles({ recorded, evals, ...request }: RunRequest, cwd: string, view: DiskView): void {
	if (!recorded) return;
	const run = realPath(recorded.directory);
	const named = new Set(recorded.namedEvals.map((path) => realPath(path)));
	for (const path of evals)
		if (!named.has(realPath(path)) && isInside(run, realPath(path)))
			throw refusal("an eval", path, "in its own directory", "Copy it elsewhere, review it, and use the copy.");
	for (const key of recorded.options) {
		const path = request[key];
		if (path === undefined) continue;
		const roots = evals.map((file) => findScope(dirname(file), cwd, view));
		const isForeign = isInside(run, realPath(path)) || roots.some((scope) => pathOutside(path, scope) !== undefined);
		if (!isForeign) continue;
		const option = `${optionOf(key)} ${shown(path)}`;
		const what = key === "envFile" ? "a .env file" : "a targets file";
		throw refusal(what, path, "outside the eval's root", `If it is yours, add \`${option}\`.`);
	}
}

/** A received record's choices, which need consent like a bundle's accesses. */
interface ReceivedChoice {
	readonly run: TrustSubject;
	/** For each eval of the request: whether the record selected it, or a file of its options. */
	readonly isChosen: readonly boolean[];
	/** Files that the user specified. */
	readonly ownFiles: readonly string[];
}

/** Undefined if the user specified everything, or made the run here. */
export function receivedChoice(request: RunRequest, env: Environment): ReceivedChoice | undefined {
	const { recorded, evals, targetsFile } = request;
	if (!recorded) return undefined;
	const { directory, options, run } = recorded;
	const named = new Set(recorded.namedEvals.map((path) => realPath(path)));
	const isChosen = evals.map((path) => options.length > 0 || !named.has(realPath(path)));
	if (!isChosen.includes(true) || isMadeHere(run, env)) return undefined;
	const paths = [
		...evals.map((path) => (request.regrade ? `--eval ${shown(path)}` : shown(path))),
		...options.map((key) => `${optionOf(key)} ${shown(String(request[key]))}`),
	];
	const advice = `the record of ${directory} was not created here; if these are yours, pass them explicitly: \`${paths.join(" ")}\``;
	return {
		run: { kind: "run", name: directory, root: directory, key: `run ${directory}`, advice },
		isChosen,
		ownFiles: targetsFile === undefined || options.includes("targetsFile") ? [] : [targetsFile],
	};
}

function shown(path: string): string {
	return /^[\w./:@+-]+$/.test(path) ? path : JSON.stringify(path);
}

function refusal(what: string, path: string, where: string, hint: string): AgentvError {
	return new AgentvError("usage", `the run's record refers to ${what} ${where}: ${path}`, { hint });
}

/** Returns a test's messages for a target: every file an absolute path. */
export function requestMessages(messages: readonly Message[], test: TestCase, { view }: RunPlan): RequestMessage[] {
	return messages.map(({ role, name, content, toolCalls }): RequestMessage => {
		const pieces =
			typeof content === "string"
				? [{ type: "text" as const, text: content }]
				: content.map((piece): RequestPiece => {
						if (piece.type === "text") return piece;
						const { path } = resolvePath(piece.path, test.suite.scope, view);
						const mediaType = piece.mediaType === undefined ? {} : { mediaType: piece.mediaType };
						return { type: piece.type, path, name: piece.path.raw, ...mediaType };
					});
		return {
			role,
			...(name === undefined ? {} : { name }),
			content: pieces,
			...(toolCalls ? { toolCalls } : {}),
		};
	});
}

/**
 * Checks a test's files again when an attempt starts. @throws AgentvError `config` if one is not
 * allowed
 */
export function refuseFilesOutOfReach({ input, turns, suite }: TestCase, { view }: RunPlan): void {
	for (const { content } of [...input, ...turns.flatMap((turn) => turn.input)]) {
		if (typeof content === "string") continue;
		for (const piece of content) if (piece.type !== "text") resolveWithinReach(piece.path, suite.scope, view);
	}
}

/** A single user message is its bare text, several are marked by role. */
export function promptText(messages: readonly RequestMessage[]): string {
	const [only] = messages;
	if (only && messages.length === 1 && only.role === "user") return piecesText(only.content);
	return messages.map(({ role, content }) => `[${role}]\n${piecesText(content)}`).join("\n\n");
}

function piecesText(pieces: readonly RequestPiece[]): string {
	return pieces.map((piece) => (piece.type === "text" ? piece.text : `[${piece.type}: ${piece.path}]`)).join("\n\n");
}

export function requestFiles(messages: readonly RequestMessage[]): string[] {
	return messages.flatMap(({ content }) => content.flatMap((piece) => (piece.type === "text" ? [] : [piece.path])));
}

/** A single plain message is its text; others are a list. */
export function inputToWire(messages: readonly RequestMessage[]): unknown {
	const [only] = messages;
	const [piece] = only?.content ?? [];
	const isPlain =
		only && messages.length === 1 && only.role === "user" && !only.toolCalls && !only.name && only.content.length === 1;
	if (isPlain && piece?.type === "text") return piece.text;
	return messages.map((message) => messageToWire(message, "name"));
}

/** How recorded attempts are graded again. */
export interface Regrading {
	/** Returns which recorded results to keep. */
	readonly choose: (assertion: Assertion, record: GradedRecord) => RegradeChoice;
	/** Whether new results replace old ones, so that the cost of earlier grading is added. */
	readonly sameRun: boolean;
	readonly redact: Redactor;
}

/** Longer texts stay in their files. */
const maxInMemory = 10 * 1024 * 1024;

/** Builds the messages for a part of the test's input. */
type MessagesOf = (input: TestCase["input"]) => readonly RequestMessage[];

const redacted = {
	code: "redacted",
	message: "secrets were redacted from the recorded answer, so it can't be graded again: run the test again",
};

/** A recorded attempt whose answer is graded again. */
export class RecordedAttempt {
	readonly #directory: string;
	readonly #file: AttemptFile | undefined;
	readonly #row: ResultRow | undefined;
	readonly #regrading: Regrading;

	/**
	 * @param directory of the run with the attempt
	 * @param row absent if the run lacks the attempt
	 */
	constructor(directory: string, row: ResultRow | undefined, regrading: Regrading) {
		this.#directory = directory;
		this.#row = row;
		this.#regrading = regrading;
		this.#file = row?.file === undefined ? undefined : readAttempt(directory, row.file);
	}

	/** Output before the answer. */
	get logs(): readonly StageLog[] {
		return (this.#file?.logs ?? []).filter(({ stage }) => stage !== "grade");
	}

	get metadata(): Readonly<Record<string, unknown>> {
		return this.#row?.metadata ?? {};
	}

	get fingerprint(): Fingerprint | undefined {
		return this.#row?.fingerprint;
	}

	/** Versions of the attempt's inputs. */
	get files(): AttemptFile["files"] {
		return this.#file?.files;
	}

	get isReadable(): boolean {
		return this.#file !== undefined;
	}

	/** Whether secrets were redacted from the answer. */
	get isRedacted(): boolean {
		return this.#file?.redacted === true;
	}

	/**
	 * @throws AttemptError if the conversation ended before a turn that now exists, because its
	 * graders or `on_turn_failure` changed
	 */
	refuseTurn(turn: number): void {
		const held = this.#file?.turns?.length ?? 0;
		if (turn < held) return;
		const where = held === 0 ? "has no turns" : `ended after turn ${held}`;
		const what = `turn ${turn + 1} has no recorded answer: the recorded conversation ${where}`;
		throw new AttemptError({ stage: "record", code: "no-answer", message: what });
	}

	/** @throws AttemptError if the answer comes from another workspace than the test's current one */
	refuseOtherWorkspace(today: Fingerprint): void {
		const { fingerprint: { workspace } = {}, error } = this.#row ?? {};
		const isAnswered = error === undefined || error.stage === graderStage;
		if (this.#regrading.sameRun || !isAnswered || workspace === undefined || workspace === today.workspace) return;
		const what = "the template or the repositories of the test are not those of the recorded answer";
		throw new AttemptError({ stage: "record", code: "workspace-changed", message: what });
	}

	/** @throws AttemptError if it has no answer to grade, or one to another question */
	refuse({ test }: PlannedCase, input: readonly RequestMessage[], messages: MessagesOf): void {
		if (!this.#row)
			throw new AttemptError({ stage: "record", code: "no-answer", message: "the run has no record of this attempt" });
		const file = this.#file;
		if (!file)
			throw new AttemptError({ stage: "record", code: "unreadable", message: "the recorded attempt is not readable" });
		const { error } = file;
		if (error?.stage === "dependency")
			throw new AttemptError({
				...{ stage: "record", code: "no-answer", message: `the test has no recorded answer: ${error.message} then` },
				...(error.causedBy ? { causedBy: error.causedBy } : {}),
			});
		if (error && error.stage !== graderStage) {
			const partial = file.messages ? this.#answer(file, file, 0) : undefined;
			throw new AttemptError(error, partial);
		}
		if (file.output === null && file.outputPath === undefined)
			throw new AttemptError({ stage: "record", code: "no-answer", message: "no answer is recorded" });
		if (!this.#answers(test, file, input, messages))
			throw new AttemptError({
				stage: "record",
				code: "input-changed",
				message: "the test's question differs from that of the recorded answer",
			});
	}

	/** Returns whether the recorded questions are the test's, turn by turn. */
	#answers(test: TestCase, file: AttemptFile, input: readonly RequestMessage[], messages: MessagesOf): boolean {
		const turns = file.turns ?? [];
		if (turns.length > test.turns.length) return false;
		const asked = [input, ...turns.map((_, index) => messages(test.turns[index]?.input ?? []))];
		const today = redactDeep(asked.map(inputToWire), this.#regrading.redact);
		return canonicalJson(today) === canonicalJson([file.input, ...turns.map((turn) => turn.input)]);
	}

	/** Returns whether a grader that runs again can use the workspace. */
	needsWorkspace({ assertions, test }: PlannedCase): boolean {
		const again = [
			...gradersToRun(assertions, this.earlier()),
			...test.turns.flatMap((turn, index) => gradersToRun(turn.assertions, this.earlier(index))),
		];
		return again.some(({ type, command }) => type === "custom" || command !== undefined);
	}

	/** Returns the recorded results of the whole answer, or of one turn. */
	earlier(turn?: number): EarlierResults {
		const { choose, sameRun } = this.#regrading;
		const turns = this.#file?.turns ?? [];
		const ofTurns = turns.reduce((sum, { scores }) => sum + scores.length, 0);
		const records =
			turn === undefined
				? (this.#file?.scores.slice(ofTurns) ?? [])
				: (turns[turn]?.scores ?? []).map((record) => ({ ...record, name: record.name.replace(/^turn \d+: /, "") }));
		return { records, choose, countsUsage: sameRun, ...(this.isRedacted ? { refusal: redacted } : {}) };
	}

	/** Returns the recorded answers of the turns. */
	source(timer: StageTimer): AnswerSource {
		const file = this.#file;
		const messages: RequestMessage[] = [];
		let turn = 0;
		let first = 0;
		return {
			messages,
			say: async (said) => {
				if (!file)
					throw new AttemptError({
						stage: "record",
						code: "unreadable",
						message: "the recorded attempt is not readable",
					});
				messages.push(...said);
				const part = file.turns?.[turn];
				const answer = this.#answer(file, part ?? file, first);
				turn += 1;
				first += answer.messages.length;
				timer.add("target", answer.durationMs);
				for (const { role, content, toolCalls } of answer.messages)
					messages.push({ role, content: [{ type: "text", text: content }], ...(toolCalls ? { toolCalls } : {}) });
				return answer;
			},
		};
	}

	/**
	 * Restores the target's workspace changes, after a turn or the last one. Returns what changed.
	 * @throws WorkspaceError if the workspace differs from the original, or the record is incomplete
	 */
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

	#answer(file: AttemptFile, part: AttemptFile | AttemptTurn, first: number): GivenAnswer {
		const count = "messageCount" in part ? part.messageCount : (file.messages?.length ?? 0);
		const messages = (file.messages ?? []).slice(first, first + count).map((message): AnswerMessage => {
			const { role, content, contentPath, toolCalls, durationMs } = message;
			return {
				role: role as AnswerMessage["role"],
				content: content ?? (contentPath === undefined ? "" : this.#text(contentPath).text),
				...(toolCalls ? { toolCalls } : {}),
				...(durationMs === undefined ? {} : { durationMs }),
			};
		});
		const { output, outputPath, tokenUsage, costUsd, llmCalls, durationMs, cached } = part;
		const { text, textFile } = outputPath === undefined ? { text: output ?? "" } : this.#text(outputPath);
		const answer: GivenAnswer = {
			...{ text, messages, durationMs, by: file.answeredBy ?? file.target, tries: file.tries ?? 1 },
			measures: measuresOf(part),
			...(file.stopReason === undefined ? {} : { stopReason: file.stopReason }),
			...(cached === undefined ? {} : { cached }),
			...(textFile === undefined ? {} : { textFile }),
			...(tokenUsage ? { tokenUsage } : {}),
			...(costUsd === undefined ? {} : { costUsd }),
			...(llmCalls === undefined ? {} : { llmCalls }),
			...(file.targetMetadata ? { metadata: file.targetMetadata } : {}),
		};
		return this.#regrading.sameRun ? answer : paidBefore(answer);
	}

	/** For a file that is too large for memory, returns its beginning and path. */
	#text(path: string): { readonly text: string; readonly textFile?: string } {
		const file = recordPath(this.#directory, path);
		const head = readHead(file, maxInMemory);
		if (!head)
			throw new AttemptError({
				stage: "record",
				code: "unreadable",
				message: `${path} of the recorded attempt is missing`,
			});
		return head.cut ? { text: head.text, textFile: file } : { text: head.text };
	}
}

/** Returns an answer without cost, with its original figures. */
function paidBefore({ tokenUsage, costUsd, durationMs, cached, ...answer }: GivenAnswer): GivenAnswer {
	return {
		...answer,
		durationMs: 0,
		cached: cached ?? {
			durationMs,
			...(tokenUsage === undefined ? {} : { tokenUsage }),
			...(costUsd === undefined ? {} : { costUsd }),
		},
		...(tokenUsage === undefined ? {} : { tokenUsage: { input: 0, output: 0 } }),
		...(costUsd === undefined ? {} : { costUsd: 0 }),
	};
}

/** Returns the commits that a run recorded for a case's repositories. */
export function recordedCommits(
	{ workspace }: PlannedCase,
	records: NonNullable<RunFile["repositories"]>,
	redact: Redactor,
): PinnedRepository[] {
	const repos = workspace?.spec.workspace?.repos ?? [];
	return repos.flatMap((repo) => {
		const sha = recordedCommit(repo, records, redact);
		return sha === undefined ? [] : [{ path: repo.path === "" ? "." : repo.path, sha }];
	});
}

/** Returns a repository's recorded commit: the last of several. */
export function recordedCommit(
	{ path, repo, commit, ancestor }: WorkspaceRepo,
	records: NonNullable<RunFile["repositories"]>,
	redact: Redactor,
): string | undefined {
	return records.findLast(
		(record) =>
			record.path === (path === "" ? "." : path) &&
			record.repo === redact(redactUrl(repo)) &&
			record.requested === (commit === undefined ? undefined : redact(commit)) &&
			(record.ancestor ?? 0) === ancestor,
	)?.sha;
}
