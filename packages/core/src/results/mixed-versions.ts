import { caseKey } from "../model/case-key.ts";
import type { AttemptFile } from "../schema/attempt-file.ts";
import { type Fingerprint, fingerprintParts, type ResultRow } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import { type AttemptId, attemptOf } from "./read-run.ts";
import type { Difference, VersionUse } from "./run-verification.ts";

/** What an attempt's file says about the versions of what it was made of. */
export type MadeOf = Pick<AttemptFile, "files" | "repositories">;

/** How many attempts a version is shown with. */
const mostShown = 3;

type Uses = Map<string, { attempts: number; first: VersionUse["first"][number][] }>;

/** Finds out whether the results of a run were made of different versions of one thing. */
export class MixedVersions {
	readonly #run: RunFile;
	/** By test and target: the fingerprint that was planned, and whether there are several attempts. */
	readonly #planned: ReadonlyMap<string, { readonly fingerprint: string; readonly isRepeated: boolean }>;
	/** By what it is: a file, a repository. */
	readonly #things = new Map<string, Uses>();
	/** By eval, target and part, for the tests that are not what was planned. */
	readonly #parts = new Map<string, { part: keyof Fingerprint; of: string; uses: Uses }>();
	readonly #attempts = new Map<string, { readonly attempt: AttemptId; readonly fingerprint: Partial<Fingerprint> }>();

	constructor(run: RunFile) {
		this.#run = run;
		this.#planned = new Map(
			run.planned.map(([of, id, target, repeat], position) => [
				caseKey(run.evals[of]?.file ?? "", id, target),
				{ fingerprint: run.fingerprints?.[position] ?? "", isRepeated: repeat !== undefined },
			]),
		);
	}

	/** @param made absent when the attempt's file can't be read */
	add(row: ResultRow, made: MadeOf | undefined): void {
		const attempt = attemptOf(row);
		for (const [name, version] of Object.entries(made?.files ?? {})) count(this.#thing(name), version, attempt);
		for (const { path, repo, requested, ancestor } of this.#run.repositories ?? []) {
			const sha = made?.repositories?.[path];
			// A relative path depends on the eval that it is written in.
			if (sha === undefined || /^[./~]/.test(repo)) continue;
			const title = [repo, requested, ancestor === undefined ? undefined : `less ${ancestor}`, `in ${path}`];
			if (this.#commits(path, repo, requested, ancestor).has(sha))
				count(this.#thing(`repository ${title.filter((text) => text !== undefined).join(" ")}`), sha, attempt);
		}
		if (row.fingerprint) this.#fingerprint(row, row.fingerprint);
	}

	/** Called once, after all rows. */
	differences(): Difference[] {
		const stated = new Map((this.#run.files ?? []).map((file) => [file.path, file]));
		const parts = new Set<string>();
		const found = [...this.#things].flatMap(([of, uses]): Difference[] => {
			const file = stated.get(of);
			const planned = file?.sha256.slice(0, 32);
			if (uses.size < 2 && (planned === undefined || uses.has(planned))) return [];
			for (const part of file?.parts ?? []) parts.add(part);
			return [{ kind: "mixed-versions", of, versions: [...statedBy(planned, uses), ...listed(uses)] }];
		});
		// A file that has changed explains why the parts that it belongs to have.
		const others = [...this.#parts.values()].filter(({ part }) => !parts.has(part));
		return [
			...found,
			...others.map(({ of, uses }): Difference => ({ kind: "mixed-versions", of, versions: listed(uses) })),
		];
	}

	#thing(name: string): Uses {
		const uses: Uses = this.#things.get(name) ?? new Map();
		this.#things.set(name, uses);
		return uses;
	}

	#commits(path: string, repo: string, requested: string | undefined, ancestor: number | undefined): Set<string> {
		const same = (this.#run.repositories ?? []).filter(
			(one) => one.path === path && one.repo === repo && one.requested === requested && one.ancestor === ancestor,
		);
		return new Set(same.map(({ sha }) => sha));
	}

	/** Compares a row's fingerprint with what was planned, and with that of the test's other attempts. */
	#fingerprint(row: ResultRow, fingerprint: Fingerprint): void {
		const key = caseKey(row.eval, row.testId, row.target);
		const planned = this.#planned.get(key);
		const parts = planned?.fingerprint.split(".") ?? [];
		const attempt = attemptOf(row);
		const other = this.#attempts.get(key);
		// A workspace that could not be prepared has no commits to be known by.
		const isUnprepared = row.executionStatus === "execution_error";
		for (const [position, part] of fingerprintParts.entries()) {
			if (part === "workspace" && isUnprepared) continue;
			const version = fingerprint[part];
			const expected = parts[position] ?? "";
			const before = other?.fingerprint[part];
			if (expected !== "" && !version.startsWith(expected)) {
				const uses = this.#usesOf(part, row);
				if (!uses.has(expected)) uses.set(expected, { attempts: 0, first: [] });
				count(uses, version, attempt);
			} else if (other && before !== undefined && before !== version) {
				const uses = this.#usesOf(part, row);
				if (!uses.has(before)) count(uses, before, other.attempt);
				count(uses, version, attempt);
			}
		}
		if (!planned?.isRepeated || (other && isUnprepared)) return;
		const { workspace: _, ...rest } = fingerprint;
		this.#attempts.set(key, { attempt, fingerprint: isUnprepared ? rest : fingerprint });
	}

	#usesOf(part: keyof Fingerprint, row: ResultRow): Uses {
		const key = JSON.stringify([part, row.eval, row.target]);
		const of = `${part} of ${row.eval} with target ${JSON.stringify(row.target)}`;
		const known = this.#parts.get(key) ?? { part, of, uses: new Map() };
		this.#parts.set(key, known);
		return known.uses;
	}
}

function count(uses: Uses, version: string, attempt: AttemptId): void {
	const known = uses.get(version) ?? { attempts: 0, first: [] };
	known.attempts += 1;
	if (known.first.length < mostShown) known.first.push(attempt);
	uses.set(version, known);
}

/** The version that `run.json` states, when no result was made of it. */
function statedBy(planned: string | undefined, uses: Uses): VersionUse[] {
	return planned === undefined || uses.has(planned) ? [] : [{ version: planned, attempts: 0, first: [] }];
}

function listed(uses: Uses): VersionUse[] {
	return [...uses].map(([version, { attempts, first }]) => ({ version, attempts, first }));
}
