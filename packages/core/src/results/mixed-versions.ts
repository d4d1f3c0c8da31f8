import { caseKey } from "../eval/run-digest.ts";
import {
	type AttemptFile,
	type Fingerprint,
	fingerprintParts,
	type ResultRow,
	type RunFile,
} from "../format/run-file.ts";
import type { VersionUse } from "../format/run-reports.ts";
import { type AttemptId, attemptOf } from "./read-run.ts";

/** An input of which results have several versions. */
interface MixedInput {
	readonly of: string;
	readonly versions: VersionUse[];
}

/** Versions of an attempt's inputs, from its file. */
export type MadeOf = Pick<AttemptFile, "files" | "repositories">;

/** Attempts that are named per version. */
const maxNamed = 3;

type Uses = Map<string, VersionUse>;

/** Detects whether a run's results have different versions of an input. */
export class MixedVersions {
	readonly #files: RunFile["files"];
	/** By test and target: the planned fingerprint, and whether there are several attempts. */
	readonly #planned: ReadonlyMap<string, { readonly fingerprint: string; readonly isRepeated: boolean }>;
	/** By what was requested: where it is, and its commits. */
	readonly #repositories = new Map<string, { readonly path: string; readonly commits: Set<string> }>();
	/** By name: files and repositories, of whose versions one is expected. */
	readonly #inputs = new Map<string, Uses>();
	/** By eval, target and part, for tests that differ from the plan. */
	readonly #parts = new Map<string, { readonly part: keyof Fingerprint; readonly uses: Uses }>();
	readonly #attempts = new Map<string, { readonly attempt: AttemptId; readonly fingerprint: Partial<Fingerprint> }>();

	constructor({ files, planned, evals, fingerprints, repositories = [] }: RunFile) {
		this.#files = files;
		this.#planned = new Map(
			planned.map(([of, id, target, repeat], position) => [
				caseKey(evals[of]?.file ?? "", id, target),
				{ fingerprint: fingerprints?.[position] ?? "", isRepeated: repeat !== undefined },
			]),
		);
		for (const { path, repo, requested, ancestor, sha } of repositories) {
			// A relative path depends on its eval.
			if (/^[./~]/.test(repo)) continue;
			const words = [
				"repository",
				repo,
				requested,
				ancestor === undefined ? undefined : `less ${ancestor}`,
				`in ${path}`,
			];
			const title = words.filter((word) => word !== undefined).join(" ");
			const { commits } = getOrSet(this.#repositories, title, { path, commits: new Set<string>() });
			commits.add(sha);
		}
	}

	/** @param made absent if the attempt's file is unreadable */
	add(row: ResultRow, made: MadeOf | undefined): void {
		const attempt = attemptOf(row);
		for (const [name, version] of Object.entries(made?.files ?? {}))
			count(getOrSet(this.#inputs, name, new Map()), version, attempt);
		for (const [title, { path, commits }] of this.#repositories) {
			const sha = made?.repositories?.[path];
			if (sha !== undefined && commits.has(sha)) count(getOrSet(this.#inputs, title, new Map()), sha, attempt);
		}
		if (row.fingerprint) this.#addFingerprint(row, row.fingerprint);
	}

	/** Called once, after all rows. */
	result(): MixedInput[] {
		const files = new Map((this.#files ?? []).map((file) => [file.path, file]));
		const parts = new Set<string>();
		const mixed = [...this.#inputs].flatMap(([of, uses]): MixedInput[] => {
			const file = files.get(of);
			const planned = file?.sha256.slice(0, 32);
			const isPlanned = planned === undefined || uses.has(planned);
			if (uses.size < 2 && isPlanned) return [];
			for (const part of file?.parts ?? []) parts.add(part);
			return [
				{ of, versions: [...(isPlanned ? [] : [{ version: planned, attempts: 0, first: [] }]), ...uses.values()] },
			];
		});
		// A changed file explains why its parts changed.
		const others = [...this.#parts].filter(([, { part }]) => !parts.has(part));
		return [...mixed, ...others.map(([of, { uses }]) => ({ of, versions: [...uses.values()] }))];
	}

	/** Compares with the planned fingerprint, and with the test's other attempts. */
	#addFingerprint(row: ResultRow, fingerprint: Fingerprint): void {
		const key = caseKey(row.eval, row.testId, row.target);
		const planned = this.#planned.get(key);
		const parts = planned?.fingerprint.split(".") ?? [];
		const attempt = attemptOf(row);
		const other = this.#attempts.get(key);
		// A workspace that could not be prepared has no commits.
		const isUnprepared = row.executionStatus === "execution_error";
		for (const [position, part] of fingerprintParts.entries()) {
			if (part === "workspace" && isUnprepared) continue;
			const version = fingerprint[part];
			const expected = parts[position] ?? "";
			const before = other?.fingerprint[part];
			if (expected !== "" && !version.startsWith(expected)) {
				const uses = this.#usesOfPart(part, row);
				getOrSet(uses, expected, { version: expected, attempts: 0, first: [] });
				count(uses, version, attempt);
			} else if (other && before !== undefined && before !== version) {
				const uses = this.#usesOfPart(part, row);
				if (!uses.has(before)) count(uses, before, other.attempt);
				count(uses, version, attempt);
			}
		}
		if (!planned?.isRepeated || (other && isUnprepared)) return;
		const { workspace: _, ...rest } = fingerprint;
		this.#attempts.set(key, { attempt, fingerprint: isUnprepared ? rest : fingerprint });
	}

	#usesOfPart(part: keyof Fingerprint, row: ResultRow): Uses {
		const of = `${part} of ${row.eval} with target ${JSON.stringify(row.target)}`;
		return getOrSet(this.#parts, of, { part, uses: new Map() }).uses;
	}
}

function getOrSet<Value>(map: Map<string, Value>, key: string, value: Value): Value {
	const known = map.get(key) ?? value;
	map.set(key, known);
	return known;
}

function count(uses: Uses, version: string, attempt: AttemptId): void {
	const use = getOrSet(uses, version, { version, attempts: 0, first: [] });
	use.attempts += 1;
	if (use.first.length < maxNamed) use.first.push(attempt);
}
