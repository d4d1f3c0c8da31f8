import { dirname, join } from "node:path";
import { createRedactor, redactDeep, secretsOf } from "../base/redact.ts";
import { safeName } from "../base/slug.ts";
import { agentvHome, type Environment } from "../io/environment.ts";
import { type LockOwner, ourselves, ownerState } from "../io/files/lock-owner.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { writeNote } from "../io/files/write-note.ts";
import type { LastSync } from "./benchmark-report.ts";

/** Directory of locks for benchmark directories. */
export function lockDirectory(env: Environment): string {
	return join(agentvHome(env), "state", "locks");
}

function stateFile(id: string, env: Environment): string {
	const name = id.length <= 100 ? id : safeName(id);
	return join(agentvHome(env), "state", "benchmarks", `${name}.json`);
}

interface StateOnDisk {
	readonly status: LastSync["status"];
	readonly started_at: string;
	readonly finished_at: string | null;
	readonly from: string | null;
	readonly to: string | null;
	readonly message: string;
	/** The process of the sync. */
	readonly owner?: LockOwner;
}

export function writeState(id: string, state: LastSync, env: Environment): void {
	const file = stateFile(id, env);
	makeDirectory(dirname(file), { mode: 0o700 });
	const { startedAt, finishedAt, ...rest } = state;
	const owner = state.status === "running" ? { owner: ourselves("") } : {};
	const note = redactDeep(
		{ ...rest, started_at: startedAt, finished_at: finishedAt, ...owner },
		createRedactor(secretsOf(env)),
	);
	writeNote(file, `${JSON.stringify(note)}\n`);
}

/** A sync that ended without finishing failed. Null if there is no readable one. */
export function readState(id: string, env: Environment): LastSync | null {
	const file = stateFile(id, env);
	if (targetKind(file) !== "file") return null;
	const state = parsed(readTextFile(file, { maxBytes: 1_000_000 }));
	if (!state) return null;
	const { status, started_at: startedAt, finished_at: finishedAt, from, to, message, owner } = state;
	const last = { status, startedAt, finishedAt, from, to, message };
	const died = status === "running" && (owner === undefined || ownerState(owner) === "dead");
	return died ? { ...last, status: "failed", message: "interrupted" } : last;
}

function parsed(text: string): StateOnDisk | undefined {
	try {
		const value: unknown = JSON.parse(text);
		const isState = typeof value === "object" && value !== null && "status" in value && "started_at" in value;
		return isState ? (value as StateOnDisk) : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}
