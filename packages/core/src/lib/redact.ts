import { AgentvError } from "./errors.ts";
import { scanReferences, type Variables } from "./interpolate.ts";
import {
	addressSecrets,
	decoded,
	findCommandLineSecrets,
	isIdentifier,
	isPlainUser,
	isSearchable,
	isSecretBelow,
	isSecretField,
	isSecretName,
	isSecretParameter,
	looksChosenByMachine,
	looksRandom,
	redactAddress,
	redacted,
	type SecretShape,
	type Span,
	secretShapes,
} from "./secret-shapes.ts";
import { findMultiLineSecrets, isOfSeveralLines, keyHeader, knownSecrets, longestEscape } from "./secret-values.ts";

export type Redactor = (text: string) => string;

/** These names mean a secret everywhere, including records of agent and server messages. */
const secretKeys =
	"(?:(?:x-)?api[_-]?key|(?:proxy-)?authorization|(?:set-)?cookie|passw(?:or)?d|passphrase|(?:client[_-]?|app[_-]?)?secret|secret[_-]?(?:access[_-]?)?key|(?:access|auth|refresh|session|bearer)[_-]?token|(?:private|account|access)[_-]?key)";
const secretKey = new RegExp(`^${secretKeys}$`, "i");
const secretMember = new RegExp(`"${secretKeys}":"`, "i");

/** Recognizes secrets by the variable's name, or by form. */
export function secretsOf(variables: Variables): string[] {
	const secrets = new Set<string>();
	for (const [name, value] of Object.entries(variables)) {
		if (value === undefined) continue;
		if (isSecretName(name)) secrets.add(value);
		addParts(value, secrets);
	}
	return [...secrets].filter(isSearchable);
}

/** Recognizes secrets by the field's name, or by form in any field of a target's settings. */
export function secretsIn(settings: unknown): string[] {
	const secrets = new Set<string>();
	collect(settings, false, secrets);
	return [...secrets].filter(isSearchable);
}

function collect(value: unknown, isSecret: boolean, found: Set<string>): void {
	if (typeof value === "string") {
		addParts(value, found);
		// A variable that is not set remains as written.
		if (!isSecret || value.includes("${{")) return;
		found.add(value);
		// In "Bearer <token>" only the token is secret.
		const token = /^\S+\s+(\S+)$/.exec(value)?.[1];
		if (token !== undefined) found.add(token);
	} else if (Array.isArray(value)) {
		const spans = spansInList(value);
		for (const [index, item] of value.entries()) {
			collect(item, isSecret || isAfterFlag(value, index), found);
			for (const span of spans.get(index) ?? []) found.add(String(item).slice(...span));
		}
	} else if (typeof value === "object" && value !== null) {
		for (const [key, item] of Object.entries(value)) collect(item, isSecretBelow(key, isSecret), found);
	}
}

function addParts(value: string, found: Set<string>): void {
	for (const [start, end] of findSecrets(value)) {
		const part = value.slice(start, end);
		found.add(part).add(decoded(part));
	}
	for (const part of addressSecrets(value)) found.add(part);
}

/**
 * Redacts the given secrets in any encoding, and everything that is a secret by its form. Takes
 * time
 * linear in the text.
 * @example
 * const redact = createRedactor(secretsOf(process.env));
 * redact("Authorization: Bearer 1a2b3c4d"); // "Authorization: Bearer ***"
 */
export function createRedactor(secrets: readonly string[] = []): Redactor {
	const known = knownSecrets(secrets);
	return (text) => replaced(text, [...known(text), ...findSecrets(text)], () => redacted);
}

/** Redacts only what is a secret by its form. */
export const redactText: Redactor = createRedactor();

/** For texts that must not depend on which secret forms are known. */
export function createKnownRedactor(secrets: readonly string[]): Redactor {
	const known = knownSecrets(secrets);
	return (text) => replaced(text, known(text), () => redacted);
}

/** Writes a star per secret character, so that columns remain. */
export function redactInPlace(line: string): string {
	return replaced(line, findSecrets(line), (part) => "*".repeat(part.length));
}

/** Includes keys. Returns the same object if nothing changes. */
export function redactDeep<T>(value: T, redact: Redactor): T {
	return visit(value, redact, secretKey) as T;
}

/**
 * Redacts the output of `JSON.stringify`; the result is still JSON. One scan detects the usual text
 * without secrets. Plain words as keys stay: a secret that is the word `status` must not change the
 * meaning.
 */
export function redactJson(text: string, redact: Redactor): string {
	if (!secretMember.test(text) && redact(text) === text) return text;
	const redactName = (name: string) => (plainName.test(name) ? name : redact(name));
	return JSON.stringify(visit(JSON.parse(text), redact, secretKey, false, redactName));
}

/** Redacts message and hint; source locations stay. */
export function redactError(error: unknown, redact: Redactor): unknown {
	if (!(error instanceof AgentvError)) return error;
	const { code, message, hint, diagnostics } = error;
	const [ownMessage, ownHint] = [redact(message), hint === undefined ? {} : { hint: redact(hint) }];
	if (ownMessage === message && ownHint.hint === hint) return error;
	return new AgentvError(code, ownMessage, { ...ownHint, diagnostics, cause: error });
}

const plainName = /^[a-z]+(?:[_-][a-z]+|[A-Z][a-z]+)*$/;

/** Like `redactDeep`, but URLs also lose everything that can identify their user. */
export function redactSettings<T>(settings: T, redact: Redactor = redactText): T {
	return visit(settings, (text) => redactAddress(redact(text)), undefined) as T;
}

/** @param key names of secret strings; by default those of settings, and all below `headers` */
function visit(
	value: unknown,
	redact: Redactor,
	key: RegExp | undefined,
	isSecret = false,
	redactName: Redactor = redact,
): unknown {
	if (typeof value === "string") return isSecret && value !== "" ? redacted : redact(value);
	if (typeof value !== "object" || value === null) return value;
	if (Array.isArray(value)) {
		const spans = spansInList(value);
		const items = value.map((item, index) => {
			const isOwn = isSecret || (!key && isAfterFlag(value, index));
			const inList = spans.get(index);
			return visit(inList ? replaced(item, inList, () => redacted) : item, redact, key, isOwn, redactName);
		});
		return items.some((item, index) => item !== value[index]) ? items : value;
	}
	const entries = Object.entries(value);
	const result = entries.map(([name, item]) => {
		const isOwn = key ? typeof item === "string" && key.test(name) : isSecret || isSecretField(name);
		return [redactName(name), visit(item, redact, key, isOwn, redactName)] as const;
	});
	const isSame = result.every(([name, item], index) => name === entries[index]?.[0] && item === entries[index]?.[1]);
	return isSame ? value : Object.fromEntries(distinctNames(result));
}

function isAfterFlag(list: readonly unknown[], index: number): boolean {
	const [flag, value] = [list[index - 1], list[index]];
	return typeof flag === "string" && typeof value === "string" && /^--?[a-z][\w-]*$/i.test(flag) && isSecretName(flag);
}

/** Secrets can span texts of a list (words of a command, lines of a key). By index. */
function spansInList(list: readonly unknown[]): ReadonlyMap<number, readonly Span[]> {
	const spansByIndex = new Map<number, Span[]>();
	if (list.length < 2 || !list.every((item) => typeof item === "string")) return spansByIndex;
	const isCommand = list.some((item) => /^-{1,2}[a-zA-Z]/.test(item));
	if (!isCommand && !list.some(isOfSeveralLines)) return spansByIndex;
	// A word with whitespace is one word if it is quoted.
	const [text, between] = isCommand ? [`"${list.join('","')}"`, 3] : [list.join("\n"), 1];
	const spans = merged(findSecrets(text));
	let at = isCommand ? 1 : 0;
	for (const [index, { length }] of list.entries()) {
		const own = spans.flatMap(([start, end]): Span[] =>
			start < at + length && end > at ? [[Math.max(0, start - at), Math.min(length, end - at)]] : [],
		);
		if (own.length > 0) spansByIndex.set(index, own);
		at += length + between;
	}
	return spansByIndex;
}

/** Numbers names that became equal, so that no value is lost. */
function distinctNames(entries: readonly (readonly [string, unknown])[]): (readonly [string, unknown])[] {
	const taken = new Set<string>();
	return entries.map(([name, item]) => {
		const own = distinctName(name, taken);
		taken.add(own);
		return [own, item] as const;
	});
}

/** Appends a number (`***~2`) if the name is taken. */
export function distinctName(name: string, taken: { has(name: string): boolean }): string {
	if (!taken.has(name)) return name;
	for (let count = 2; ; count++) if (!taken.has(`${name}~${count}`)) return `${name}~${count}`;
}

/** Redacts a long text in chunks, although a secret can span two of them. */
export class RedactedStream {
	readonly #find: (text: string) => Span[];
	readonly #held: number;
	/** The original of the last returned text, because a secret can depend on what precedes it. */
	#before = "";
	#rest = "";
	isRedacted = false;

	constructor(secrets: readonly string[]) {
		const known = knownSecrets(secrets);
		this.#find = (text) => merged([...known(text), ...findSecrets(text)]);
		this.#held = 4096 + longestEscape * Math.max(0, ...secrets.map((secret) => secret.length));
	}

	push(piece: string): string {
		const text = this.#rest + piece;
		const spans = this.#spans(text);
		let cut = Math.max(0, text.length - this.#held);
		const space = text.slice(cut).search(/\s/);
		if (space !== -1 && space < 2048) cut += space;
		cut = wholeCharacter(text, cut);
		const across = spans.find(([start, end]) => start < cut && end > cut);
		// It can continue, but no secret is as long as a megabyte.
		if (across) cut = across[1] < text.length - 1024 || text.length > 1024 * 1024 ? across[1] : 0;
		return this.#take(text, spans, cut);
	}

	end(): string {
		return this.#take(this.#rest, this.#spans(this.#rest), this.#rest.length);
	}

	#spans(text: string): Span[] {
		const { length } = this.#before;
		const spans = this.#find(this.#before + text);
		return spans.flatMap(([start, end]) =>
			end > length ? [[Math.max(0, start - length), end - length] as const] : [],
		);
	}

	#take(text: string, spans: readonly Span[], cut: number): string {
		const taken = spans.filter(([, end]) => end <= cut);
		this.#before = (this.#before + text.slice(0, cut)).slice(-512);
		this.#rest = text.slice(cut);
		this.isRedacted ||= taken.length > 0;
		return replaced(text.slice(0, cut), taken, () => redacted);
	}
}

function wholeCharacter(text: string, at: number): number {
	return /^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(at - 1, at + 1)) ? at - 1 : at;
}

function replaced(text: string, found: readonly Span[], stars: (part: string) => string): string {
	if (found.length === 0) return text;
	let result = "";
	let done = 0;
	for (const [start, end] of merged(found)) {
		result += text.slice(done, start) + stars(text.slice(start, end));
		done = end;
	}
	return result + text.slice(done);
}

/** Joins overlapping spans: replacing them one by one would leave parts. */
function merged(found: readonly Span[]): Span[] {
	const result: [number, number][] = [];
	for (const [start, end] of [...found].sort((a, b) => a[0] - b[0])) {
		const last = result.at(-1);
		if (last && start < last[1]) last[1] = Math.max(last[1], end);
		else result.push([start, end]);
	}
	return result;
}

const heads = new RegExp([...new Set(secretShapes.map(({ head }) => head))].join("|"), "g");
const shapesOf = new Map<string, readonly SecretShape[]>();

/** A text without any of these contains no secrets except keys of known vendors. */
const signs =
	/key|token|secret|pass|pwd|_auth|authorization|bearer|basic |cookie|:\/\/|-----(?:BEGIN|END) |[?&#][\w.%-]{1,64}=|curl|wget|http[ "']|mysql|mariadb|redis-cli|ldap|login|machine|jdbc:oracle|:(?:\d{4,5}|\*):|-u[\s"'=]|--user/i;

/** Finds vendor keys, and credentials in URLs and headers. Unordered. */
export function findSecrets(text: string): Span[] {
	const spans: Span[] = [];
	if (text.length < 6) return spans;
	findKeys(text, (span) => spans.push(span));
	if (!signs.test(text)) return spans;
	findUsers(text, spans);
	findParameters(text, spans);
	findAssignments(text, spans);
	findCommandLineSecrets(text, spans);
	findMultiLineSecrets(text, spans);
	return spans;
}

interface FileSecret {
	readonly span: Span;
	readonly name: string;
}

const fileSigns = /:\/\/|-----BEGIN |AccountKey=|_authToken=/;
const accountKey = /(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{20,1024}={0,2})|:_authToken=([^\s"'\\${}]{16,1024})/g;

/** Finds less than redaction: an example's `password: test1` doesn't justify refusing a file. */
export function findFileSecrets(text: string): FileSecret[] {
	const fileSecrets: FileSecret[] = [];
	findKeys(text, (span, name) => fileSecrets.push({ span, name }));
	if (!fileSigns.test(text)) return fileSecrets;
	const users: Span[] = [];
	findUsers(text, users);
	for (const span of users)
		if (span[1] - span[0] >= 6 && looksRandom(text.slice(...span)) && !/[$<>{}*]/.test(text.slice(...span)))
			fileSecrets.push({ span, name: "password in a URL" });
	for (const { 0: whole, index } of text.matchAll(keyHeader))
		fileSecrets.push({ span: [index, index + whole.length], name: "private key" });
	for (const { 0: whole, 1: account, index } of text.matchAll(accountKey))
		fileSecrets.push({ span: [index, index + whole.length], name: account ? "storage key" : "npm token" });
	return fileSecrets;
}

function findKeys(text: string, add: (span: Span, name: string) => void): void {
	for (heads.lastIndex = 0; ; ) {
		const match = heads.exec(text);
		if (!match) return;
		const [head] = match;
		const shapes = shapesOf.get(head) ?? secretShapes.filter((shape) => new RegExp(`^(?:${shape.head})`).test(head));
		shapesOf.set(head, shapes);
		for (const shape of shapes) {
			if (!begins(text, match.index, shape)) continue;
			shape.pattern.lastIndex = match.index;
			const key = shape.pattern.exec(text)?.[0];
			if (key === undefined) continue;
			heads.lastIndex = match.index + key.length;
			if (shape.isRandom && !looksRandom(key.slice(head.length))) continue;
			add([match.index, match.index + key.length], shape.name);
			break;
		}
	}
}

/** Keys don't begin after a letter or digit, unless that ends an escape (`\n`, `%20`). */
function begins(text: string, at: number, { isWord }: SecretShape): boolean {
	const before = text[at - 1] ?? " ";
	if (isWord ? !/[\w-]/.test(before) : !/[A-Za-z0-9]/.test(before)) return true;
	return /(?:\\[nrtbf]|%[0-9A-Fa-f]{2}|\[[\d;]{0,8}m)$/.test(text.slice(Math.max(0, at - 12), at));
}

const authority = /(?:\$\{\{[^}\n]{0,200}\}\}|[^\s/?#"<>\\]){0,4096}/y;
const unencoded = /[^\s"<>\\]{0,256}@/y;

function findUsers(text: string, found: Span[]): void {
	for (let at = text.indexOf("://"); at !== -1; at = text.indexOf("://", at + 3)) {
		const start = at + 3;
		authority.lastIndex = start;
		const own = authority.exec(text)?.[0] ?? "";
		let end = own.lastIndexOf("@");
		// A password with an unencoded slash; `host:8080/a@b` has none.
		if (end === -1 && /^[^:[]*:(?!\d{1,5}$)[^${]/.test(own)) {
			unencoded.lastIndex = start + own.length;
			const rest = unencoded.exec(text)?.[0];
			if (rest !== undefined) end = own.length + rest.length - 1;
		}
		if (end > 0) findUser(text, start, start + end, found);
	}
}

/** Variables stay, their defaults don't. */
function findUser(text: string, start: number, end: number, found: Span[]): void {
	const user = text.slice(start, end);
	const references = scanReferences(user).filter((token) => token.kind === "reference");
	const isLiteral = (offset: number) => !references.some(({ range }) => offset >= range[0] && offset < range[1]);
	let colon = user.indexOf(":");
	while (colon !== -1 && !isLiteral(colon)) colon = user.indexOf(":", colon + 1);
	const name = colon === -1 ? user : user.slice(0, colon);
	const password = colon === -1 ? "" : user.slice(colon + 1);
	const isToken = !/\$\{\{/.test(name) && (!isPlainUser(name) || password === "x-oauth-basic");
	let secret = isToken ? 0 : colon === -1 ? user.length : colon + 1;
	for (const { range, defaultText } of references as readonly { range: Span; defaultText?: string }[]) {
		if (range[0] > secret) found.push([start + secret, start + range[0]]);
		// A default is as literal as the rest.
		if (defaultText) {
			const at = start + user.indexOf(defaultText, user.indexOf(":-", range[0]));
			found.push([at, at + defaultText.length]);
		}
		secret = Math.max(secret, range[1]);
	}
	if (secret < user.length) found.push([start + secret, end]);
}

const parameter = /(?:[?&#]|&amp;)([\w.%-]{1,64})=([^\s&#"'`<>\\;,()[\]{}|]{4,8192})/g;
const fragment = /#([A-Za-z0-9_+/=.~]{16,8192})/g;

function findParameters(text: string, found: Span[]): void {
	for (const { 0: whole, 1: name = "", 2: value = "", index } of text.matchAll(parameter))
		if (
			isSecretParameter(name) &&
			!/^\d{1,5}$/.test(value) &&
			!(name === "key" && /^[A-Za-z]+(?:_[a-z]+)*$/.test(value))
		)
			found.push([index + whole.length - value.length, index + whole.length]);
	if (!text.includes("://")) return;
	for (const { 1: value = "", index } of text.matchAll(fragment)) {
		const isSecret = /[a-z]/.test(value) && /[A-Z]/.test(value) && value.replace(/\D/g, "").length >= 3;
		if (isSecret && /:\/\/\S*$/.test(text.slice(Math.max(0, index - 512), index)))
			found.push([index + 1, index + 1 + value.length]);
	}
}

const quote = "(?:\\\\{0,3}[\"'`])?";
const assigned = `${quote}\\s{0,2}(?::=|=>|[:=])\\s{0,2}${quote}`;
const header = new RegExp(
	`(?:proxy-)?authorization${assigned}((?:basic|bearer|token|digest|apikey)\\s{1,4})?([^\\s"'\`\\\\,;<>(){}$*]{4,8192})`,
	"gi",
);
const bearer = /(?:\b|(?<=\\[nrt]))(bearer|basic)\s{1,4}([A-Za-z0-9._~+/=-]{8,8192})/gi;
const assignment = new RegExp(
	`(api[_-]?key|apikey|access[_-]?key|secret[_-]?key|account[_-]?key|private[_-]?key|shared[_-]?access[_-]?(?:key|signature)|token|_auth|secret|passw(?:or)?d|passphrase|pwd)${assigned}([^\\s"'\`\\\\,;&<>(){}[\\]|$*%][^\\s"'\`\\\\,;&<>()|]{5,8192})`,
	"gi",
);
/** `SOME_KEY=…`; in lower case it could be any key of a table. */
const variable =
	/(?:\b|(?<=\\[nrt]))([A-Z][A-Z0-9_]{0,64})_KEY["']?\s?[:=]\s?["']?([^\s"'`\\,;&<>(){}[\]|$*%][^\s"'`\\,;&<>()|]{5,8192})/g;
const cookie = new RegExp(`cookie${assigned}((?:[\\w.-]{1,64}=[^\\s;"'\\\\]{1,4096}(?:; ?)?){1,64})`, "gi");
const oracle = /jdbc:oracle:[a-z0-9]{1,8}:[^\s/@"':]{1,128}\/([^\s@"'\\]{1,256})(?=@)/gi;
/** A line of a `.pgpass`: host, port, database, user and password. */
const pgpass =
	/(?:^|(?<=[\s"'+>|-]|\\n))(?:[\w.-]{1,253}|\*):(?:\d{4,5}|\*):(?:[a-z_][\w-]{0,62}|\*):(?:[a-z_][\w.@-]{0,62}|\*):((?:[^\s:"'\\]|\\{1,4}:){4,1024})(?=["'\s]|\\{1,4}[nr"]|$)/gim;
const connection = /;\s{0,4}(?:password|pwd)\s?=\s?([^;"'\s\\]{1,256})/gi;

function findAssignments(text: string, found: Span[]): void {
	const add = (pattern: RegExp, isSecret: (groups: readonly (string | undefined)[], end: number) => boolean) => {
		for (const match of text.matchAll(pattern)) {
			const end = match.index + match[0].length;
			// A name before a parenthesis is a function.
			if (text[end] !== "(" && isSecret(match, end)) found.push([end - (match.at(-1)?.length ?? 0), end]);
		}
	};
	// "Authorization: Basic auth is …" is prose.
	const isProse = (value: string, end: number) =>
		/^[A-Za-z]{1,15}$/.test(value) && /^[ \t]+[A-Za-z]/.test(text.slice(end, end + 16));
	add(header, ([, scheme, value = ""], end) =>
		scheme === undefined ? value.length >= 16 || looksRandom(value) : !isProse(value, end),
	);
	add(bearer, ([, scheme = "", value = ""]) => (/basic/i.test(scheme) ? isBasic(value) : looksRandom(value)));
	add(assignment, ([, name = "", value = ""]) => isAssignedSecret(name, value));
	add(
		variable,
		([, name = "", value = ""]) =>
			!/(?:^|_)(?:PUBLIC|PRIMARY|FOREIGN)$/.test(name) && looksChosenByMachine(value) && isAssignedSecret("KEY", value),
	);
	add(cookie, ([, value = ""]) => value.length >= 8);
	add(connection, () => true);
	add(oracle, () => true);
	add(pgpass, () => true);
}

function isAssignedSecret(name: string, value: string): boolean {
	if (!looksRandom(value) || isIdentifier(value) || /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$/.test(value)) return false;
	return !/^(token|secret|_auth|pwd)$/i.test(name) || value.length >= 10;
}

/** Expects `user:password`. */
function isBasic(value: string): boolean {
	try {
		return /^(?=[^:]*:)[\x20-\x7e]*$/.test(atob(value));
	} catch {
		return false;
	}
}

/** From `.env` files, which belong to the user like the environment. */
const ofVariables = new Set<string>();
/** From target files, which need not be trusted. Oldest first. */
const ofTargets = new Set<string>();
const maxTargetSecrets = 10_000;
let changes = 0;

/** Everything printed afterwards is redacted of these secrets from a `.env` file. */
export function noteVariables(secrets: readonly string[]): void {
	for (const secret of secrets) {
		if (ofVariables.has(secret)) continue;
		ofVariables.add(secret);
		changes += 1;
	}
}

/**
 * Registers secrets in target files, unless they look like field names: merely reading a file must
 * not redact words such as `mean_score` from all output. If there are too many, the oldest are
 * dropped.
 */
export function noteTargets(secrets: readonly string[]): void {
	for (const secret of secrets) {
		if (ofTargets.has(secret) || isName(secret)) continue;
		ofTargets.add(secret);
		changes += 1;
		const [oldest] = ofTargets;
		if (ofTargets.size > maxTargetSecrets && oldest !== undefined) ofTargets.delete(oldest);
	}
}

/** `pass_at_1` and `sha256` must stay in the output: such names have digits only at the end. */
function isName(secret: string): boolean {
	return /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(secret) && !looksChosenByMachine(secret);
}

/** Redacts the secrets of the environment and all registered ones. */
export function createOutputRedactor(env: Variables): Redactor {
	const own = secretsOf(env);
	let seen: number | undefined;
	let redact: Redactor = createRedactor();
	return (text) => {
		if (seen !== changes) {
			seen = changes;
			redact = createRedactor([...own, ...ofVariables, ...ofTargets]);
		}
		return redact(text);
	};
}
