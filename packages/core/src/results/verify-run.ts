import { join } from "node:path";
import { canonicalJson } from "../base/canonical-json.ts";
import { readJson } from "../base/read-json.ts";
import type { Environment } from "../io/environment.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { parseRow, readRunFile, wholeLines } from "../model/result-files.ts";
import { checkRunDigest, type DigestCheck, signatureName } from "../model/run-digest.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import { MixedVersions } from "./mixed-versions.ts";
import { attemptOf } from "./read-run.ts";
import { checkSignature, checkSignatureForm, type SignatureDemand } from "./run-signature.ts";
import type { Difference, NotReExecuted, RunVerification } from "./run-verification.ts";
import { summaryDifferences } from "./summary-differences.ts";
import { TalliedCases } from "./tallied-cases.ts";
import { verifyAttempt } from "./verify-attempt.ts";

export interface VerifyOptions {
	readonly signal?: AbortSignal | undefined;
	/** Demands a signature over the run's digest. */
	readonly signature?: SignatureDemand | undefined;
	/** The environment of `ssh-keygen`, if no signature is demanded. */
	readonly env?: Environment;
}

/**
 * Compares every file of a run with its digest, grades the recorded answers again, as far as their records are all that it takes, adds
 * everything up again, and tells where the records say something else. Of programs only `ssh-keygen` is run, if the run is signed or must be.
 * @throws AgentvError `not-found` or `config` where the directory holds no run; `interrupted`
 */
export async function verifyRun(directory: string, options: VerifyOptions = {}): Promise<RunVerification> {
	const verifier = new Verifier(directory, readRunFile(directory));
	await verifier.readRows(options.signal);
	const verified = verifier.result(checkRunDigest(directory));
	const { signature: demand, env = {}, signal } = options;
	const { reason, ...found } = demand
		? await checkSignature(directory, demand)
		: await checkSignatureForm(directory, { env, signal });
	if (reason === undefined) return { ...verified, ...found };
	return { ...verified, differences: [...verified.differences, { kind: "signature", file: signatureName, reason }] };
}

class Verifier {
	readonly #directory: string;
	readonly #run: RunFile;
	readonly #cases: TalliedCases;
	readonly #versions: MixedVersions;
	readonly #files = new Set<string>();
	readonly #differences: Difference[] = [];
	readonly #notReExecuted = new Map<string, NotReExecuted>();
	#reExecuted = 0;
	#attempts = 0;

	constructor(directory: string, run: RunFile) {
		this.#directory = directory;
		this.#run = run;
		this.#cases = new TalliedCases(run);
		this.#versions = new MixedVersions(run);
	}

	/** Goes through the rows that count, one at a time. */
	async readRows(signal: AbortSignal | undefined): Promise<void> {
		const counting = this.#countingLines();
		let line = 0;
		for (const text of wholeLines(this.#index)) {
			line += 1;
			if (!counting.has(line)) continue;
			const row = parseRow(text);
			if (row) await this.#verify(row, line);
			else this.#differences.push({ kind: "row-unreadable", line });
			if (line % 100 !== 0) continue;
			// Ctrl-C gets its turn.
			await new Promise((next) => setImmediate(next));
			throwIfAborted(signal, "verifying");
		}
	}

	get #index(): string {
		return join(this.#directory, "index.jsonl");
	}

	/** Of an attempt that was run again the last line; and every line that is no row. */
	#countingLines(): ReadonlySet<number> {
		const lines = new Map<string, { readonly line: number; readonly settled: boolean; readonly made: string }>();
		const index = wholeLines(this.#index);
		let line = 1;
		let next = index.next();
		for (; !next.done; line += 1, next = index.next()) {
			const row = identified(next.value);
			const key = row ? JSON.stringify(row.attempt) : `line ${line}`;
			const before = lines.get(key);
			// Run again because of a change: then it is made of something else, and says so.
			const isRerun = row?.rerun === "changed" && row.made !== before?.made;
			if (row && before?.settled && !isRerun)
				this.#differences.push({ kind: "row-duplicated", line, attempt: row.attempt });
			lines.set(key, { line, settled: row?.settled ?? false, made: row?.made ?? "" });
		}
		if (next.value !== "") this.#differences.push({ kind: "row-cut-off", line });
		return new Set([...lines.values()].map((one) => one.line));
	}

	async #verify(row: ResultRow, line: number): Promise<void> {
		this.#attempts += 1;
		if (row.file !== undefined) this.#files.add(row.file);
		const verified = await verifyAttempt(this.#directory, row);
		this.#differences.push(...verified.differences);
		for (const { type, takenOver } of verified.graders) {
			if (takenOver) this.#takeOver(type, takenOver);
			else this.#reExecuted += 1;
		}
		this.#versions.add(row, verified.made);
		if (!this.#cases.add(row, verified))
			this.#differences.push({ kind: "row-unplanned", line, attempt: attemptOf(row) });
	}

	#takeOver(type: string, reason: NotReExecuted["reason"]): void {
		const key = `${reason} ${type}`;
		const before = this.#notReExecuted.get(key)?.graders ?? 0;
		this.#notReExecuted.set(key, { type, reason, graders: before + 1 });
	}

	/** Called once, after all rows. */
	result({ digest, problems }: DigestCheck): RunVerification {
		const tally = this.#cases.result();
		// What an attempt's row tells about its files is not told again.
		const told = new Set(this.#differences.map(({ file }) => file));
		return {
			directory: this.#directory,
			runId: this.#run.runId,
			...(digest === undefined ? {} : { digest }),
			planned: this.#run.planned.length,
			finished: tally.finished,
			attempts: this.#attempts,
			reExecuted: this.#reExecuted,
			notReExecuted: [...this.#notReExecuted.values()],
			differences: [
				...problems.filter(({ file }) => !told.has(file)),
				...this.#differences,
				...this.#versions.differences(),
				...unnamedFiles(this.#directory, this.#files),
				...summaryDifferences(this.#directory, tally),
			],
		};
	}
}

/** Whose row a line is, without all there is to reading it. A settled attempt is never run again. */
function identified(text: string) {
	const read = readJson(text);
	const value = "value" in read ? read.value : undefined;
	if (typeof value !== "object" || value === null) return undefined;
	const { eval: label, test_id, target, attempt, ...facts } = value as Record<string, unknown>;
	const { execution_status, error, rerun, fingerprint } = facts;
	if (typeof label !== "string" || typeof test_id !== "string" || typeof target !== "string") return undefined;
	if (typeof attempt !== "number") return undefined;
	const settled = execution_status !== "execution_error" && error === undefined;
	return {
		attempt: { eval: label, testId: test_id, target, attempt },
		settled,
		rerun,
		made: canonicalJson(fingerprint),
	};
}

/** Attempts' files that no row speaks of. */
function* unnamedFiles(directory: string, named: ReadonlySet<string>): Generator<Difference> {
	for (const folder of listDirectory(join(directory, "tests")))
		for (const name of listDirectory(join(directory, "tests", folder))) {
			const file = `tests/${folder}/${name}`;
			if (/^\d+\.json$/.test(name) && !named.has(file)) yield { kind: "file-without-row", file };
		}
}
