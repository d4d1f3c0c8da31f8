import { isSecretName } from "./secret-names.ts";
import { looksRandom, type Span } from "./secret-shapes.ts";

// Command lines as typed, also over several lines, and as JSON lists.

const gap = "(?:=|\\s{1,8}(?:\\\\\\r?\\n\\s{0,16})?|\\\\{0,3}[\"'],\\s{0,16})";
const value = "(?:\\\\{0,3}\"([^\"\\\\\\n]{1,1024})|'([^'\\\\\\n]{1,1024})|([^\\s\"'`\\\\|<>]{1,1024}))";
const quote = "(?:\\\\{0,3}[\"'])?";
const user = "(?:\\\\{0,3}[\"'])?[^\\s:\"'`\\\\|<>$]{0,64}:([^\\s\"'`\\\\|<>]{1,1024})";
const begins = "(?:^|(?<=[\\s\"'`,]))";
/** The start of a word; in JSON the first one of a line follows `\n`. */
const word = "(?:(?<![\\w$-])|(?<=\\\\[nrt]))";

/** Programs with the flags by which they take a password, or a user with one. */
const ofPrograms: readonly (readonly [programs: string, flags: string])[] = [
	["curl|wget|xhs?", `${begins}(?:-[a-zA-Z]{0,8}[uU]|--(?:proxy-)?user)${gap}?${user}`],
	["http|https|httpie", `${begins}(?:-a|--auth)${gap}?${user}`],
	["mysql[\\w-]{0,24}|mariadb[\\w-]{0,24}", `${begins}-p${value}`],
	["sshpass", `^${gap}${quote}-p${gap}?${value}`],
	["docker login|podman login|helm registry login|skopeo login", `${begins}-p${gap}?${value}`],
	["redis-cli", `${begins}-a${gap}${value}`],
	["ldap(?:search|modify|add|delete|whoami|passwd)", `${begins}-[wy]${gap}?${value}`],
	["openssl", `\\bpass:${value}`],
];
const programs = ofPrograms.map(([names, flags]) => ({
	name: new RegExp(`${word}(?:${names.replaceAll(" ", `${gap}${quote}`)})(?:\\.exe)?(?=\\\\{0,3}["',\\s])`, "g"),
	flags: new RegExp(flags, "gd"),
}));
const someProgram = new RegExp(`${word}(?:${ofPrograms.map(([names]) => names.replace(/ .*$/, "")).join("|")})`);

/** A command line: a trailing backslash continues it, another command ends it. */
const commandLine = /(?:\\\r?\n|(?!\s(?:&&|\|\|?)\s|;\s)[^\n]){0,1000}/y;

const passwordFlag = new RegExp(
	`--(?:[a-z]{1,24}-){0,2}(?:password|passwd|passphrase)(=|${gap})${value.replaceAll("{1,1024}", "{3,1024}")}`,
	"gd",
);
const tokenFlag = new RegExp(
	`--(?:[a-z]{1,24}-){0,2}(?:api-?key|key|token|secret)${gap}${value.replaceAll("{1,1024}", "{6,1024}")}`,
	"gd",
);
/** `-u` of any program: its value counts as a user and password only if it looks like one. */
const loginFlag = new RegExp(`${begins}(?:-u|--user)${gap}${user.replaceAll("{1,1024}", "{4,1024}")}`, "gd");
const headerFlag =
	/(?:(?<=[\s"'`,])-H|--header)(?:=|\s{0,8}|\\{0,3}["'],\s{0,16})\\{0,3}["']?([\w-]{1,64}):\s{0,4}(?:(?:basic|bearer|token|digest|apikey)\s{1,4})?((?<=["'][^"'\n]{1,128})[^"'\\\n]{1,8192}|[^\s"'\\]{1,8192})/dgi;
const variable = new RegExp(
	`(?:(?<![\\w$])|(?<=\\\\[nrt]))(?:[A-Z][A-Z0-9_]{0,64})?(?:PASSWORD|PASSWD|PASSPHRASE|_PWD|_PASS)=${value.replaceAll("{1,1024}", "{3,1024}")}`,
	"gd",
);

/** Words that help texts use in place of a password. */
const placeholder =
	/^(?:string|value|text|file|path|stdin|prompt|flags?|options?|arg|args|arguments?|parameter|name|with|from|that|this|then|when|must|will|should|which|instead|either|and|for|the|not|are|was|has|can|passw\w*|pass|secret|token|true|false|null|none|yes|required|optional)[.,:;)]*$/i;

/** Finds the passwords and tokens of command lines: `curl -u user:…`, `mysql -p…`, `--password …`, `PGPASSWORD=…`, `-H 'Authorization: …'`. */
export function findCommandLineSecrets(text: string, found: Span[]): void {
	const add = (
		pattern: RegExp,
		isSecret: (secret: string, groups: RegExpExecArray) => boolean,
		within = text,
		at = 0,
	) => {
		for (const match of within.matchAll(pattern)) {
			const group = match.findLastIndex((one) => one !== undefined);
			const span = match.indices?.[group];
			// Skip references and placeholders.
			if (!span || /^[$<{*%-]/.test(match[group] ?? "") || !isSecret(match[group] ?? "", match)) continue;
			found.push([at + span[0], at + span[1]]);
		}
	};
	if (text.includes("-")) {
		add(passwordFlag, (secret, [, sign]) => sign === "=" || !placeholder.test(secret));
		add(tokenFlag, looksRandom);
		add(loginFlag, looksRandom);
		add(headerFlag, (secret, [, name = ""]) => isSecretHeader(name) && !secret.includes("$"));
		if (someProgram.test(text)) findOfPrograms(text, add);
	}
	add(variable, (secret) => !placeholder.test(secret));
}

type Add = (pattern: RegExp, isSecret: () => boolean, within: string, at: number) => void;

function findOfPrograms(text: string, add: Add): void {
	for (const { name, flags } of programs)
		for (name.lastIndex = 0; name.exec(text); ) {
			commandLine.lastIndex = name.lastIndex;
			const [line = ""] = commandLine.exec(text) ?? [];
			add(flags, () => true, line, name.lastIndex);
			// Another one on the same line was already searched.
			name.lastIndex += line.length;
		}
}

function isSecretHeader(name: string): boolean {
	return isSecretName(name) || /auth|cookie|key$/i.test(name);
}
