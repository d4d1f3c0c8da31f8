import { join } from "node:path";
import { canonicalJson } from "../base/canonical-json.ts";
import { readJson } from "../base/read-json.ts";
import { redactDeep } from "../base/redact.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { besideTheAnswer } from "../model/fingerprint.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { Fingerprint, ResultRow } from "../schema/result-row.ts";
import type { CoveredFile, PlannedTargetRecord, RunFile } from "../schema/run-file.ts";
import type { Coverage } from "./coverage.ts";
import type { Versions } from "./fingerprints.ts";
import { targetRecord } from "./run-file.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** Settings that don't count for a target's answers by their text, but by what they lead to. */
const namedAllTheSame: ReadonlySet<string> = new Set(["command", "cwd", "fixtures"]);

/** Names what a recorded result would be made of differently now. */
export class ChangeNames {
	readonly #plan: RunPlan;
	readonly #run: RunFile;
	readonly #directory: string;
	readonly #now: Coverage;
	readonly #before: ReadonlyMap<string, CoveredFile>;
	readonly #after: ReadonlyMap<string, CoveredFile>;

	/** @param directory of the run that `run` is the record of */
	constructor(plan: RunPlan, run: RunFile, directory: string, now: Coverage) {
		this.#plan = plan;
		this.#run = run;
		this.#directory = directory;
		this.#now = now;
		this.#before = new Map((run.files ?? []).map((file) => [file.path, file]));
		this.#after = new Map(now.files.map((file) => [file.path, file]));
	}

	/** what they are made of is not known => their inputs are unknown */
	of(row: ResultRow, one: PlannedCase, parts: readonly (keyof Fingerprint)[], now: Versions): readonly string[] {
		if (!row.fingerprint) return ["results without a fingerprint: what they are made of is not known"];
		const recorded = this.#run.files ? this.#recordedFiles(row) : now.files;
		const names = new Set<string>();
		for (const part of parts) {
			const found = [...this.#files(part, recorded, now.files), ...this.#settings(part, row, one)];
			for (const name of found.length > 0 ? found : this.#meanings(part)) names.add(name);
		}
		return [...names];
	}

	/** The versions that the attempt's own file states; those of `run.json` when it can't be read. */
	#recordedFiles({ file }: ResultRow): Readonly<Record<string, string>> {
		const path = file === undefined ? undefined : join(this.#directory, file);
		const read = path !== undefined && pathKind(path) === "file" ? readJson(readTextFile(path)) : undefined;
		const value = read && "value" in read ? (read.value as { files?: unknown } | null)?.files : undefined;
		if (typeof value === "object" && value !== null) return value as Record<string, string>;
		return Object.fromEntries([...this.#before].map(([name, { sha256 }]) => [name, sha256.slice(0, 32)]));
	}

	#files(part: string, recorded: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string[] {
		const names = [...new Set([...Object.keys(recorded), ...Object.keys(now)])].filter(
			(name) =>
				recorded[name] !== now[name] &&
				[this.#before.get(name), this.#after.get(name)].some((file) => file?.parts.includes(part)),
		);
		return names.flatMap((name) => {
			if (recorded[name] === undefined) return `${name} is new`;
			if (now[name] === undefined || now[name] === "missing") return `${name} was removed`;
			return this.#members(name);
		});
	}

	/** What of a directory changed, as far as that is known. */
	#members(name: string): string[] {
		const [before, after] = [this.#before.get(name)?.members, this.#after.get(name)?.members];
		if (!before || !after) return [`${name} changed`];
		const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
			(member) => before[member] !== after[member],
		);
		if (changed.length === 0) return [`${name} changed`];
		const shown = changed.slice(0, mostMembers).map((member) => {
			const verb = before[member] === undefined ? "is new" : after[member] === undefined ? "was removed" : "changed";
			return `${name}/${member} ${verb}`;
		});
		const more = changed.length - shown.length;
		return more > 0 ? [...shown, `${name}: ${more} more files changed`] : shown;
	}

	#settings(part: string, row: ResultRow, { target, threshold, eval: of }: PlannedCase): string[] {
		if (part === "target")
			return [target.target, ...target.fallbacks].flatMap((one) =>
				this.#targetChanges("target", one, this.#run.targets),
			);
		if (part !== "graders") return [];
		const judges = this.#plan.graderTargets.filter((judge) => judge.eval.label === of.label);
		return [
			...(row.threshold === threshold ? [] : [`threshold ${row.threshold} → ${threshold}`]),
			...judges.flatMap((judge) =>
				this.#targetChanges("grader target", judge.target, this.#run.graderTargets ?? this.#run.targets),
			),
		];
	}

	#targetChanges(what: string, target: ResolvedTarget, records: readonly PlannedTargetRecord[]): string[] {
		const now = redactDeep(targetRecord(target, undefined), this.#plan.redact);
		const before = records.find(({ name }) => name === now.name);
		const title = `${what} ${JSON.stringify(now.name)}`;
		if (!before) return [`${title} is new`];
		if (before.provider !== now.provider) return [`${title}: provider ${before.provider} → ${now.provider}`];
		const keys = new Set([...Object.keys(before.settings), ...Object.keys(now.settings)]);
		return [...keys].flatMap((key) => {
			if (besideTheAnswer.has(key) && !namedAllTheSame.has(key)) return [];
			const [was, is] = [before.settings[key], now.settings[key]];
			return canonicalJson(was) === canonicalJson(is) ? [] : [`${title}: ${key} ${shown(was)} → ${shown(is)}`];
		});
	}

	/** Why a part may be another although its files and settings are the same: the texts that say what it is. */
	#meanings(part: string): string[] {
		if (!this.#run.files)
			return [`${part} changed (AgentV ${this.#run.agentvVersion}, which made the run, did not record its files)`];
		const texts = [...new Set([...this.#before.keys(), ...this.#after.keys()])].flatMap((name) => {
			const [before, after] = [this.#before.get(name), this.#after.get(name)];
			const kind = part === "target" ? "targets" : "eval";
			if (before?.sha256 === after?.sha256 || !(before ?? after)?.parts.includes(kind)) return [];
			return [`${name} ${before === undefined ? "is new" : after === undefined ? "is gone" : "changed"}`];
		});
		const before = this.#run.variables ?? {};
		const { variables } = this.#now;
		const names = new Set([...Object.keys(before), ...Object.keys(variables)]);
		const values = [...names].filter((name) => this.#run.variables && before[name] !== variables[name]);
		const found = [...texts, ...values.map((name) => `variable ${name} changed`)];
		return found.length > 0 ? found : [`${part} changed`];
	}
}

/** How many files of a directory are named one by one. */
const mostMembers = 5;

function shown(value: unknown): string {
	if (value === undefined) return "(none)";
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
