import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { AgentvError } from "../base/agentv-error.ts";
import { agentvHome, type Environment } from "../io/environment.ts";
import { withLock } from "../io/files/lock.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";

/** Something that the user can consent to. Records of unknown kinds are kept. */
export interface Trusted {
	readonly kind: string;
	readonly value: string;
}

/** A bundle that this user made is trusted as a whole, while its files match its manifest. */
export const madeHere: Trusted = { kind: "bundle", value: "made here" };

const entrySchema = z.looseObject({ kind: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const recordSchema = z.looseObject({
	version: z.literal(1),
	/** What the user allows, by the digest of the subject. */
	trusted: z.record(z.string(), z.array(entrySchema)),
});

type TrustFile = z.output<typeof recordSchema>;
type TrustEntry = z.output<typeof entrySchema>;

/** What the user has consented to. It contains only digests, no names or values. */
export class TrustRecord {
	readonly #known: ReadonlySet<string>;

	constructor({ trusted }: TrustFile) {
		this.#known = new Set(
			Object.entries(trusted).flatMap(([subject, entries]) => entries.map((entry) => `${subject} ${keyOf(entry)}`)),
		);
	}

	has(subject: string, item: Trusted): boolean {
		return this.#known.has(`${digest([subject])} ${keyOf(entryOf(subject, item))}`);
	}
}

function trustFile(env: Environment): string {
	return join(agentvHome(env), "state", "trust.json");
}

/**
 * @throws AgentvError `config` if the record is unreadable: it is neither trusted nor overwritten
 */
export function readTrust(env: Environment): TrustRecord {
	return new TrustRecord(readFile(trustFile(env)));
}

/** Keeps the last `most` entries of a subject. Concurrent callers wait. */
export async function addTrust(
	subject: string,
	items: readonly Trusted[],
	env: Environment,
	most = Number.POSITIVE_INFINITY,
): Promise<void> {
	await change(env, ({ trusted, ...rest }) => {
		const key = digest([subject]);
		const entries = new Map((trusted[key] ?? []).map((entry) => [keyOf(entry), entry]));
		for (const entry of items.map((item) => entryOf(subject, item))) {
			entries.delete(keyOf(entry));
			entries.set(keyOf(entry), entry);
		}
		const first = Math.max(0, entries.size - most);
		return { ...rest, trusted: { ...trusted, [key]: [...entries.values()].slice(first) } };
	});
}

/** Removes all trust for a subject. */
export async function removeTrust(subject: string, env: Environment): Promise<void> {
	if (targetKind(trustFile(env)) === "missing") return;
	await change(env, ({ trusted, ...rest }) => {
		const { [digest([subject])]: _, ...others } = trusted;
		return { ...rest, trusted: others };
	});
}

async function change(env: Environment, edit: (record: TrustFile) => TrustFile): Promise<void> {
	const file = trustFile(env);
	makeDirectory(dirname(file), { mode: 0o700 });
	await withLock(file, () => {
		const after = edit(readFile(file));
		writeAtomic(file, `${JSON.stringify(after, null, "\t")}\n`, { mode: 0o600 });
	});
}

function readFile(file: string): TrustFile {
	if (targetKind(file) === "missing") return { version: 1, trusted: {} };
	const parsed = recordSchema.safeParse(parseJson(readTextFile(file)));
	if (parsed.success) return parsed.data;
	throw new AgentvError("config", `${file} is not a valid trust record`, {
		hint: "Move it away and grant trust again; AgentV does not write to a record that it can't read.",
	});
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

function entryOf(subject: string, { kind, value }: Trusted): TrustEntry {
	return { kind, sha256: digest([subject, kind, value]) };
}

function keyOf({ kind, sha256 }: TrustEntry): string {
	return `${kind} ${sha256}`;
}

function digest(parts: readonly string[]): string {
	return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
