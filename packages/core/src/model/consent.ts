import { AgentvError } from "../base/agentv-error.ts";
import { type Diagnostic, type FindingKind, finding } from "../base/diagnostic.ts";
import type { Redactor } from "../base/redact.ts";
import type { Environment } from "../io/environment.ts";
import type { AccessItem } from "./access.ts";
import type { DiskView } from "./disk-view.ts";
import { madeHere, readTrust } from "./trust-record.ts";
import { type TrustSubject, TrustSubjects } from "./trust-subjects.ts";

/** Access of received evals that the user has not consented to. */
export interface NewAccess {
	readonly subject: TrustSubject;
	readonly item: Omit<AccessItem, "kind"> & { readonly kind: AccessItem["kind"] | "program" };
}

/**
 * Returns the part of `items` that needs the user's consent: accesses that files of a synced
 * benchmark or a bundle define and that are not recorded. The user's own files need none.
 * @throws AgentvError `config` if the record is unreadable
 */
export function newAccess(
	items: readonly AccessItem[],
	{
		env,
		view,
		subjects = new TrustSubjects(env, view),
	}: { readonly env: Environment; readonly view: DiskView; readonly subjects?: TrustSubjects },
): NewAccess[] {
	const claims = items.flatMap((item) => claimsOn(item, subjects));
	if (claims.length === 0) return [];
	const record = readTrust(env);
	return claims.filter(({ subject, item }) => {
		if (record.has(subject.key, item)) return false;
		if (subject.kind === "benchmark" || !record.has(subject.key, madeHere)) return true;
		const ofBundle = item.files.filter((file) => subjects.of(file).some(({ key }) => key === subject.key));
		return !ofBundle.every((file) => subjects.isListed(subject, file));
	});
}

/** Covers everything that a received record selects outside benchmarks and bundles. */
export function accessOfReceived(
	items: readonly NewAccess["item"][],
	run: TrustSubject,
	{ env, view, ownFiles }: { readonly env: Environment; readonly view: DiskView; readonly ownFiles: readonly string[] },
): NewAccess[] {
	const subjects = new TrustSubjects(env, view);
	const isClaimed = (file: string) => !ownFiles.includes(file) && subjects.of(file).length === 0;
	return items.filter(({ files }) => files.some(isClaimed)).map((item) => ({ subject: run, item }));
}

function claimsOn(item: AccessItem, subjects: TrustSubjects): NewAccess[] {
	const found = new Map(item.files.flatMap((file) => subjects.of(file)).map((subject) => [subject.key, subject]));
	return [...found.values()].map((subject) => ({ subject, item }));
}

/** Names, each with whether consent is missing. */
interface Described {
	readonly name: string;
	readonly isNew: boolean;
}

export interface AccessDescription {
	readonly variables: readonly Described[];
	readonly hosts: readonly Described[];
	/** Outside the root; real paths. */
	readonly files: readonly Described[];
}

/** Describes what evals read and contact, for plans and previews. */
export function describeAccess(items: readonly AccessItem[], found: readonly NewAccess[]): AccessDescription {
	const isNew = new Set(found.map(({ item: { kind, value } }) => `${kind} ${value}`));
	const of = (kind: AccessItem["kind"]) =>
		[...new Set(items.flatMap((item) => (item.kind === kind ? [item.value] : [])))]
			.sort()
			.map((name) => ({ name, isNew: isNew.has(`${kind} ${name}`) }));
	return { variables: of("variable"), hosts: of("host"), files: of("file") };
}

const untrusted: FindingKind<{ kind: NewAccess["item"]["kind"]; value: string; subject: string }> = {
	rule: "access.untrusted",
	severity: "error",
	message: ({ kind, value, subject }) => `${subject} ${does[kind]} ${value}, which you have not allowed`,
};

const does: Readonly<Record<NewAccess["item"]["kind"], string>> = {
	variable: "reads the variable",
	host: "connects to the host",
	file: "reads the file",
	program: "starts the program",
};

/**
 * Refuses to run received evals with new accesses.
 * @throws AgentvError `config` with each new access and its location
 */
export function refuseNewAccess(found: readonly NewAccess[], redact: Redactor, hint = ""): void {
	const [first] = found;
	if (!first) return;
	const subjects = [...new Map(found.map(({ subject }) => [subject.key, subject])).values()];
	throw new AgentvError(
		"config",
		`${subjects.map(shownSubject).join(" and ")} ${subjects.length === 1 ? "needs" : "need"} your consent to read or reach something new`,
		{
			diagnostics: newAccessFindings(found, redact),
			hint: `Review the list, then ${subjects.map((one) => one.advice ?? `run ${trustCommand(one)}`).join("; ")}.${hint}`,
		},
	);
}

/** Returns each new access once, at its first location. */
export function newAccessFindings(found: readonly NewAccess[], redact: Redactor): Diagnostic[] {
	const all = found.map(({ subject, item }): Diagnostic => {
		const data = { kind: item.kind, value: redact(item.value), subject: shownSubject(subject) };
		return finding(untrusted, data, item.at);
	});
	return [...new Map(all.map((one) => [one.message, one] as const).reverse()).values()].reverse();
}

/** Returns a subject's name for messages. */
export function shownSubject({ kind, name }: TrustSubject): string {
	return `${kind} ${name}`;
}

function trustCommand({ kind, name }: TrustSubject): string {
	return `\`agentv ${kind} trust ${/^[\w./:@+-]+$/.test(name) ? name : JSON.stringify(name)}\``;
}
