import { cpuMs, law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
	createKnownRedactor,
	createRedactor,
	RedactedStream,
	redactDeep,
	redactInPlace,
	redactJson,
	redactSettings,
	redactText,
	secretsIn,
	secretsOf,
} from "./redact.ts";
import { contributedSecrets, isSecretName } from "./secret-shapes.ts";

const secretNames = [
	"API_KEY",
	"GITHUB_TOKEN",
	"OPENAI_APIKEY",
	"my_secret",
	"DB_PASSWD",
	"X_PRIVATE_ID",
	"api-key",
	"KEY",
];
const joined = ["PGPASSWORD", "MYSQL_PWD", "DBPASSWORD", "GHTOKEN", "API_KEY2", "apiKey2", "DB_PASSWORD1", "MYSECRET"];
test.each([...secretNames, ...joined, "apiKey", "clientSecret", "GITLAB_PAT", "db.password"])(
	"recognizes %s as the name of a secret",
	(name) => {
		expect(isSecretName(name)).toBe(true);
	},
);

const ordinary = ["max_tokens", "tokens", "token_usage", "tokenUsage", "PWD", "OLDPWD", "SECRETARY", "PASSWORDLESS"];
test.each([...ordinary, "MAX_TOKENS", "maxTokens", "TOKENIZER", "MONKEY", "PATH", "KEYBOARD_LAYOUT", ""])(
	"does not recognize %s as the name of a secret",
	(name) => {
		expect(isSecretName(name)).toBe(false);
	},
);

const pem = (kind: string) => `-----BEGIN ${kind}PRIVATE KEY-----`;
const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";

/** Texts and the secret that each contains. */
const secrets: readonly (readonly [text: string, secret: string])[] = [
	...[
		jwt,
		`sk-${"a1B2".repeat(8)}`,
		`sk-proj-${"a1B2_-".repeat(8)}`,
		`sk-ant-api03-${"a1B2".repeat(8)}`,
		`sk-or-v1-${"0a1b".repeat(16)}`,
		`gsk_${"a1B2".repeat(13)}`,
		`xai-${"a1B2".repeat(20)}`,
		"AKIAIOSFODNN7EXAMPLE",
		`ghp_${"a1B2".repeat(9)}`,
		`gho_${"a1B2".repeat(9)}`,
		`github_pat_${"a1B2_".repeat(14)}`,
		`glpat-${"a1B2".repeat(5)}`,
		`xoxb-123456789012-${"a1B2".repeat(6)}`,
		`xoxp-123456789012-${"a1B2".repeat(6)}`,
		`AIza${"a1B2-".repeat(7)}`,
		`hf_${"a1B2".repeat(9)}`,
		`npm_${"a1B2".repeat(9)}`,
	].flatMap((key) => [
		[`the key ${key}.`, key] as const,
		[`"key":"\\n${key}\\n"`, key] as const,
		[`\u001b[32m${key}\u001b[0m`, key] as const,
		[`x=%20${key}`, key] as const,
	]),
	["https://ada:hunter2@host/x", "hunter2"],
	["postgres://app:pa%2Fss@db:5432/x", "pa%2Fss"],
	["postgres://app:pa/ss?w@db:5432/x", "pa/ss?w"],
	["https://0123456789abcdef0123@host/x", "0123456789abcdef0123"],
	["https://host/v1?key=planted-value&x=1", "planted-value"],
	["GET /v1/models?api_key=planted failed", "planted"],
	["https://host/cb?code=4/planted&state=2", "4/planted"],
	["https://host/blob?sv=1&sig=abc%2Bdef%3D", "abc%2Bdef%3D"],
	["https://host/#access_token=planted", "planted"],
	["https://host/a.git#Zx9Planted0Fragment1", "Zx9Planted0Fragment1"],
	["https://host/?a=1&amp;token=planted", "planted"],
	["Authorization: Bearer planted-token", "planted-token"],
	['{"authorization":"Basic YWRhOmh1bnRlcjI="}', "YWRhOmh1bnRlcjI="],
	["sent Bearer planted-token-1", "planted-token-1"],
	["sent Basic YWRhOmh1bnRlcjI=", "YWRhOmh1bnRlcjI="],
	['{"api_key": "planted01"}', "planted01"],
	['{\\"password\\": \\"planted01\\"}', "planted01"],
	["OPENAI_API_KEY=planted01", "planted01"],
	["DefaultEndpointsProtocol=https;AccountName=a;AccountKey=cGxhbnRlZDE=;x", "cGxhbnRlZDE="],
	["Server=db;User Id=sa;Password=letmein;", "letmein"],
	["machine host login ada password letmein", "letmein"],
	["//registry.npmjs.org/:_authToken=planted-01-token", "planted-01-token"],
	["x-api-key: planted01", "planted01"],
	["Cookie: session=planted01; theme=dark", "planted01"],
	["curl --api-key planted01", "planted01"],
	["curl -u ada:planted01 https://host", "planted01"],
	[`${pem("")}\n${body}\n-----END PRIVATE KEY-----`, body],
	[`${pem("OPENSSH ")}\\n${body}\\n${body}`, body],
	[`${pem("RSA ")}\n${body}\n${body.slice(0, 9)}`, body.slice(0, 9)],
];

test.each(secrets)("redacts %j", (text, secret) => {
	const shown = redactText(text);
	expect(shown).not.toContain(secret);
	expect(shown).toContain("***");
	expect(redactText(shown)).toBe(shown);
	expect(redactText(JSON.stringify({ text }))).not.toContain(secret);
	expect(redactInPlace(text)).toHaveLength(text.length);
});

test.each([
	"max_tokens: 4096 and token: string; const key = value",
	"fingerprint 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"commit 0989add9f86d081884c7d659a2feaa0c55ad015",
	"id 123e4567-e89b-12d3-a456-426614174000, token: 123e4567-e89b-12d3-a456-426614174000",
	"see https://host:8443/a@b and me@host, https://ada@host/x ssh://git@host:22/y http://[::1]:80/a@b",
	"https://docs/x?page=2&code=404#section-2-introduction https://github.com/a/b/issues/1#issuecomment-1234567890",
	"https://u:${{ T }}@h/x ?key=${{ K }} api_key: ${{ OPENAI_API_KEY }} Bearer ${{ TOKEN }} password=$PASSWORD",
	"primary_key=user12345, foreign key=orders2024, docker run -u 1000:1000, https://host/x?sort_key=name&page=2",
	"Basic understanding of Bearer authentication; authorization: none; the cookie: a small file",
	"task-management-and-a-very-long-class-name-indeed sk-circle-fade-dot __init__ npm_config_registry hf_transformers",
	"password: string, secret: process.env.SECRET1, const token = parseToken2(text)",
	"::error:: a:// b ?x= # ://@ -----BEGIN CERTIFICATE----- key",
	'{"token_usage":{"input":12},"cached":true,"sha256":"abc"} digest: sha256-47DEQpj8HBSa',
])("does not change %j", (text) => {
	expect(redactText(text)).toBe(text);
});

test.each([
	['url: "https://user:hunter2@h/x" # why', 'url: "https://user:*******@h/x" # why'],
	["{url: https://u:${{ T }}@h/x, ref: a@b}", "{url: https://u:${{ T }}@h/x, ref: a@b}"],
	["url: https://u:${{ T:-hunter2 }}@h/x", "url: https://u:${{ T:-******* }}@h/x"],
	["url: https://u:pre${{ T }}post@h/x", "url: https://u:***${{ T }}****@h/x"],
	["url: https://${{ U:-ada }}@h/x", "url: https://${{ U:-*** }}@h/x"],
	["https://ghp_0123456789abcdefghij@h/x", "https://************************@h/x"],
	["api_key: sk-0123456789abcdef # mine", "api_key: ******************* # mine"],
	["a: 1", "a: 1"],
])("shows the line %s as %s", (line, shown) => {
	expect(redactInPlace(line)).toBe(shown);
});

test("redacts known secrets, also in JSON, URLs and base64, but neither short values nor other variables", () => {
	const redact = createRedactor(
		secretsOf({ A_KEY: 'pa"ss/word', B_TOKEN: "short", C_PASSWORD: "hunter2", HOME: "/home/x" }),
	);
	expect(redact('pa"ss/word short hunter2 /home/x')).toBe("*** short *** /home/x");
	expect(redact(JSON.stringify({ a: 'pa"ss/word' }))).toBe('{"a":"***"}');
	expect(redact(JSON.stringify(JSON.stringify({ a: 'pa"ss/word' })))).not.toContain("ss/word");
	expect(redact("https://x:pa%22ss%2Fword@host/")).toBe("https://x:***@host/");
	for (const before of ["", "a", "ab"]) expect(redact(btoa(`${before}pa"ss/word`))).toContain("***");
});

const inHex = (code: number) => code.toString(16).padStart(4, "0");
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];
const wrapped = (text: string, columns: number, end = "\n") =>
	text.replace(new RegExp(`.{${columns}}`, "g"), `$&${end}`);
const base64Of = (text: string) => btoa(String.fromCharCode(...bytesOf(text)));
const escapes: Readonly<Record<string, (text: string) => string>> = {
	unchanged: (text) => text,
	"encoded for a URL": encodeURIComponent,
	"encoded by Python's quote": (text) =>
		encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`),
	"encoded by Python's quote, with slashes": (text) => encodeURIComponent(text).replaceAll("%2F", "/"),
	"encoded for a URL in lower case": (text) => encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
	"encoded for a form": (text) => new URLSearchParams({ a: text }).toString().slice(2),
	"encoded by encodeURI": encodeURI,
	"encoded byte by byte for a URL": (text) =>
		bytesOf(text)
			.map((byte) => `%${byte.toString(16)}`)
			.join(""),
	"as Python bytes": (text) => text.replace(/[^\x20-\x7e]/gu, (one) => encodeURIComponent(one).replaceAll("%", "\\x")),
	"as JSON": (text) => JSON.stringify(text).slice(1, -1),
	"as ASCII JSON of Python": (text) =>
		JSON.stringify(text)
			.slice(1, -1)
			.replace(/[^\x20-\x7e]/g, (one) => `\\u${inHex(one.charCodeAt(0))}`),
	"as JSON of Go": (text) =>
		JSON.stringify(text)
			.slice(1, -1)
			.replace(/[&<>]/g, (one) => `\\u${inHex(one.charCodeAt(0)).toUpperCase()}`),
	"as JSON of PHP": (text) => JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/"),
	"as HTML": (text) =>
		text
			.replaceAll("&", "&amp;")
			.replace(/["'<>]/g, (one) => ({ '"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;" })[one] ?? one),
	"as numeric HTML entities": (text) => text.replace(/[^\w ]/gu, (one) => `&#x${inHex(one.codePointAt(0) ?? 0)};`),
	"escaped for a shell": (text) => text.replace(/[^\w\n]/g, "\\$&"),
};
const repeated = Object.fromEntries(
	Object.entries(escapes).flatMap(([how, escaped]) => [
		[how, escaped] as const,
		[`${how}, in JSON of JSON`, (text: string) => JSON.stringify(JSON.stringify({ text: escaped(text) }))] as const,
		[`${how}, twice`, (text: string) => escaped(escaped(text))] as const,
		[`${how}, three times in JSON`, (text: string) => JSON.stringify({ a: escaped(escaped(escaped(text))) })] as const,
	]),
);
const base64s: Readonly<Record<string, (text: string) => string>> = {
	"in base64": base64Of,
	"in base64 of 76 columns": (text) => wrapped(base64Of(`${"a header ".repeat(5)}:${text}`), 76),
	"in base64 of 64 columns": (text) => wrapped(base64Of(`${"a header ".repeat(4)}:${text}`), 64, "\r\n"),
	"in base64 of 64 columns in JSON": (text) =>
		JSON.stringify(wrapped(base64Of(`${"a header ".repeat(4)}:${text}`), 64)),
	"in base64url": (text) => base64Of(`ab:${text}`).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
	"in base64, in a form": (text) => encodeURIComponent(base64Of(`abc:${text}`)),
};
const awkward = [
	"p&ss <w>'o\"r/d!*(x)~",
	"pässwört-ÿ?>",
	"open 100% of it + more",
	"C:\\new\\table\\x41",
	"a%20b%2520c&amp;d&#x41;e",
	"\u{1f511}key\u4f60\u597d-9",
	"hunter22",
];

test.each(
	awkward.flatMap((secret) =>
		Object.entries({ ...repeated, ...base64s }).map(([how, escaped]) => [secret, how, escaped(secret)] as const),
	),
)("redacts %j %s", (secret, _, text) => {
	const redact = createRedactor([secret]);
	const shown = redact(`before ${text} after`);
	expect(shown).toMatch(/^before .*\*\*\*.* after$/s);
	// Only the ends of base64 and brackets of JSON remain after the redacted secret.
	expect(shown.replace(/^before .*\*\*\*|^before /s, "").length).toBeLessThan(24);
	const json = redact(JSON.stringify({ text }));
	expect(() => JSON.parse(json)).not.toThrow();
});

test("redacts the beginning of a truncated escaped secret", () => {
	const redact = createRedactor(["pässwört-über-alles"]);
	expect(redact("it is p%C3%A4ssw%C3%B6rt-%C3")).toMatch(/^it is \*\*\*/);
	expect(redact('"p\\u00e4ssw\\u00f6rt-\\u00…"')).toMatch(/^"\*\*\*/);
});

test("redacts a megabyte of escapes in reasonable time", () => {
	const redact = createRedactor(["pässwört-über-alles", ...awkward]);
	for (const piece of ["%25", "\\", '\\"', "&amp;", "%2", "\\u005c", "aGVs\n", "\n", "p%C3%A4ssw%C3%B6r"]) {
		const started = cpuMs();
		redact(piece.repeat(1_000_000 / piece.length));
		expect(cpuMs() - started).toBeLessThan(5_000);
	}
});

test("finds secrets by their form in variables of any name and in any setting", () => {
	const url = "postgres://app:s3cr3t-db@db/x";
	expect(secretsOf({ DATABASE: url, HOME: "/home/x" })).toEqual(["s3cr3t-db"]);
	const settings = {
		base_url: "https://u:pw%2Fplanted@h/v1?key=planted-key",
		model: "gpt-4",
		headers: { "X-Team": "planted-team" },
	};
	expect(secretsIn(settings)).toEqual(["pw%2Fplanted", "pw/planted", "planted-key", "planted-team"]);
	expect(secretsIn({ headers: { Accept: "application/json", Authorization: "Bearer planted-1" } })).toEqual([
		...["planted-1", "Bearer planted-1"],
	]);
});

test("redacts secret settings by name, and credentials in URLs", () => {
	expect(
		redactSettings({
			api_key: "x",
			base_url: "https://u:p@h/v1?api-version=2024-01-01&key=k#frag",
			headers: { "X-Team": "a" },
			model: "m",
			args: ["--api-key", "a", "--max-tokens", "12"],
			retries: 2,
		}),
	).toEqual({
		api_key: "***",
		base_url: "https://u:***@h/v1?api-version=2024-01-01&key=***#***",
		headers: { "X-Team": "***" },
		model: "m",
		args: ["--api-key", "***", "--max-tokens", "12"],
		retries: 2,
	});
});

test("redacts overlapping secrets completely and truncated secrets up to their end", () => {
	const redact = createRedactor(["abcdefgh", "efghijkl", "abcdefghmore"]);
	expect(redact("<abcdefghijkl> <abcdefghmore>")).toBe("<***> <***>");
	const one = createRedactor(["correct-horse-battery"]);
	expect(one("it is correct-horse-ba")).toBe("it is ***");
	expect(one("it is correct-hor… and")).toBe("it is ***… and");
	expect(one("it is correct-horses")).toBe("it is correct-horses");
});

test("redacts single lines of a private key", () => {
	const key = `-----BEGIN KEY-----\n${body}\n${body.toLowerCase()}\n-----END KEY-----`;
	expect(createRedactor(secretsOf({ DEPLOY_KEY: key }))(`line: ${body}`)).toBe("line: ***");
});

test("redacts nested values and secret fields, keeps names distinct, and returns unchanged parts as the same objects", () => {
	const redact = createRedactor(["sesame-open", "sesame-close"]);
	const value = { a: ["x sesame-open"], same: { n: 1 }, password: "x", "sesame-open": 1, "sesame-close": 2 };
	const shown = redactDeep(value, redact);
	expect(shown).toEqual({ a: ["x ***"], same: { n: 1 }, password: "***", "***": 1, "***~2": 2 });
	expect(shown.same).toBe(value.same);
	expect(createKnownRedactor(["sesame-open"])(`sesame-open ${jwt}`)).toBe(`*** ${jwt}`);
});

test("leaves no known secret in any text", () => {
	const secret = fc.string({ minLength: 8, maxLength: 12, unit: fc.constantFrom("a", "b", "é", "\n", "%", '"') });
	const property = fc.property(
		fc.array(secret, { minLength: 1, maxLength: 4 }),
		fc.array(fc.string()),
		(known, between) => {
			const text = known.map((one, index) => one + (between[index] ?? "")).join("");
			const shown = createRedactor(known)(text);
			for (const one of known) expect(shown).not.toContain(one);
		},
	);
	fc.assert(property, law(1000));
});

test("redacts a text in pieces like the whole text", () => {
	const known = ["known secret 1", "pässwört-2"];
	const word = fc.oneof(
		fc.constantFrom(
			...secrets.filter(([text]) => !text.includes("\n")).map(([text]) => ` ${text} `),
			...[" known secret 1 ", ' "p\\\\u00e4ssw\\\\u00f6rt-2" ', " p%25C3%25A4ssw%25C3%25B6rt-2 "],
		),
		fc.string(),
		fc.constantFrom("word ".repeat(500), "\u{1f600}".repeat(3000)),
	);
	const property = fc.property(fc.array(word), fc.integer({ min: 1, max: 5000 }), (words, size) => {
		const text = words.join("");
		const stream = new RedactedStream(known);
		let shown = "";
		for (let at = 0; at < text.length; at += size) shown += stream.push(text.slice(at, at + size));
		shown += stream.end();
		expect(shown).toBe(createRedactor(known)(text));
	});
	fc.assert(property, law(1000));
});

test("keeps redacted JSON valid", () => {
	const piece = fc.constantFrom(
		...secrets.map(([text]) => text),
		'"',
		"\\",
		"\n",
		"password=",
		";pwd=",
		"login a password b",
		"https://u:",
		"@h",
		"é",
	);
	const property = fc.property(fc.array(piece), (pieces) => {
		expect(() => JSON.parse(redactText(JSON.stringify({ text: pieces.join("") })))).not.toThrow();
	});
	fc.assert(property, law(1000));
});

test("redacts the value of a secret's name in JSON, even if it does not look like a secret", () => {
	const shown = redactJson(JSON.stringify({ a: [{ password: "correct horse", passwordless: "yes" }] }), redactText);
	expect(JSON.parse(shown)).toEqual({ a: [{ password: "***", passwordless: "yes" }] });
});

test("keeps keys of JSON that are words, even if a secret equals one", () => {
	const redact = createRedactor(["mean_score", "password", "planted-1a2b"]);
	const shown = redactJson(JSON.stringify({ mean_score: "mean_score", "planted-1a2b": 1, passwords: 2 }), redact);
	expect(JSON.parse(shown)).toEqual({ mean_score: "***", "***": 1, passwords: 2 });
});

const netrc =
	"machine git.example.com\n\tlogin ada\n\tpassword hunter\nmachine two login bob account x password sesame\n";
const key = `${pem("RSA ")}\n${body}\n${body.toLowerCase()}\n9+${body.slice(9)}\n-----END RSA PRIVATE KEY-----\n`;
const stored = "https://ada:hunter@git.example.com\nhttps://bob:sesame@two\n";
const several = {
	"a .netrc": [netrc, ["hunter", "sesame"]],
	"a .netrc with passwords first": [netrc.replace(/(login \S+)(\s+)(password \S+)/, "$3$2$1"), ["hunter", "sesame"]],
	"a private key": [key, [body, body.toLowerCase(), body.slice(9)]],
	"the beginning of a private key": [key.slice(0, -60), [body, body.toLowerCase()]],
	"the end of a private key": [key.slice(40), [body.slice(9), body.toLowerCase()]],
	".git-credentials": [stored, ["hunter", "sesame"]],
} as const;
const numbered = (text: string, mark: (line: number) => string) =>
	text
		.split("\n")
		.map((line, index) => mark(index + 1) + line)
		.join("\n");
const quotings: Readonly<Record<string, (text: string) => string>> = {
	unchanged: (text) => text,
	"with CRLF": (text) => text.replaceAll("\n", "\r\n"),
	"in a diff, added": (text) => `@@ -1,2 +3,4 @@\n${numbered(text, () => "+")}`,
	"in a diff, removed": (text) => numbered(text, () => "-"),
	"in a diff, as context": (text) => numbered(text, () => " "),
	"in a diff of a diff": (text) => numbered(text, () => "+ "),
	"in a diff that changes each line": (text) =>
		numbered(text.replace(/^.*$/gm, "$&\n+$&"), () => "").replace(/^(?!\+)/gm, "-"),
	"in a quoted mail": (text) => numbered(text, (line) => (line % 2 === 0 ? "> > " : ">> ")),
	"in a code frame": (text) => numbered(text, (line) => `${line === 2 ? ">" : " "} ${String(line).padStart(2)} | `),
	"in a frame of a compiler": (text) => numbered(text, (line) => `${line} \u2502 `),
	"with line numbers": (text) => numbered(text, (line) => `${line}:`),
	"in a log": (text) => numbered(text, () => "[stdout] "),
	"in a log of services": (text) => numbered(text, () => "web_1    | "),
	"in a log with times": (text) => numbered(text, (line) => `2026-11-29T20:00:0${line % 10}.123Z `),
	"in colours": (text) => numbered(text, () => "\u001b[32m+\u001b[0m \u001b[1m"),
	"in JSON": (text) => JSON.stringify({ text }),
	"in JSON within JSON": (text) => JSON.stringify(JSON.stringify({ text })),
	"in JSON with CRLF": (text) => JSON.stringify({ text: text.replaceAll("\n", "\r\n") }),
	"in JSON of a diff": (text) => JSON.stringify({ text: numbered(text, () => "+") }),
};

test.each(
	Object.entries(several).flatMap(([what, [text, parts]]) =>
		Object.entries(quotings).map(([how, quoted]) => [what, how, quoted(text), parts] as const),
	),
)("redacts %s %s", (_, how, text, parts) => {
	const shown = redactText(text);
	for (const part of parts) expect(shown).not.toContain(part);
	if (how.startsWith("in JSON")) expect(() => JSON.parse(shown)).not.toThrow();
	expect(redactInPlace(text)).toHaveLength(text.length);
});

test("redacts the lines of a key and of a .netrc in a list", () => {
	const shown = JSON.stringify(redactDeep([key.split("\n"), netrc.split("\n")], redactText));
	for (const part of [body, body.toLowerCase(), body.slice(9), "hunter", "sesame"]) expect(shown).not.toContain(part);
});

const vendors: readonly (readonly [text: string, secret: string])[] = [
	...[
		...["lsv2_pt_", "lsv2_sk_", "fw_", "pa-", "dckr_pat_", "glsa_", "sntrys_", "sntryu_", "figd_", "lin_api_", "PMAK-"],
		...["dp.pt.", "pscale_tkn_", "pscale_pw_", "fo1_", "A1b2C3d4E5f6G7.atlasv1."],
	].map((head) => [`key ${head}${"a1B2".repeat(12)}`, `${head}${"a1B2".repeat(12)}`] as const),
	[`sbp_${"0a1b".repeat(10)}`, "0a1b0a1b"],
	[`NRAK-${"0A1B".repeat(7)}`, "0A1B0A1B"],
	[`bot 123456789:AA${"a1B2-".repeat(6)}abc`, "a1B2-a1B2"],
	[`https://discord.com/api/webhooks/123456789012345678/${"a1B2".repeat(17)}`, "a1B2a1B2"],
	["db.example.com:5432:app:ada:sesame-open", "sesame-open"],
	["localhost:5432:*:postgres:sesame\n*:*:*:bob:open", "sesame"],
	["jdbc:oracle:thin:ada/sesame@//db:1521/x", "sesame"],
];

test.each(vendors)("redacts the key in %j", (text, secret) => {
	for (const one of [text, JSON.stringify({ text: `a\n${text}\nb` })]) expect(redactText(one)).not.toContain(secret);
	expect(() => JSON.parse(redactText(JSON.stringify({ text })))).not.toThrow();
});

test("does not change ordinary sentences and code", () => {
	const corpus = `Add a login form password field, and link the login screen password reset link in the footer.
The machine learning login page has a password policy; use the default login password rules of your machine.
Authorization: Basic auth here, Authorization: Bearer token from the login endpoint, or authorization: none.
PUBLIC_KEY=ssh-ed25519 and PRIMARY_KEY=id_of_user_2 and FOO_KEY=foo_bar_baz1 and SORT_KEY=created_at_2
CREATE TABLE orders_2024 (id_of_user2 BIGINT PRIMARY KEY, FOREIGN KEY (user_id2) REFERENCES users2(id));
items.map((item2) => <Row key={item2.id} key="row_2_of_3" data-key={index2} />)
GET https://example.com/api/items?key=name and https://example.com/?sort_key=name2&key=user_name&page=2
const key = parts2.join("-"); cache_key = f"user:{id2}"; token_count: 12; the password must have 8 characters.
src/app.ts:1234:56: error: something failed; time 12:3456:aa:bb; see RFC:7231:section:word words; fw_version, pa-rt-of-a-long-name-indeed
Run docker login and enter your password when asked. glc_loader, dp.ptable, lin_algebra, sbp_solver, 12345678:AAB`;
	for (const line of [...corpus.split("\n"), corpus]) expect(redactText(line)).toBe(line);
	expect(redactText(JSON.stringify({ corpus }))).toBe(JSON.stringify({ corpus }));
});

test("keeps the text around a secret of several lines", () => {
	expect(redactText(`before\n${numbered(netrc, () => "+")}after login form`)).toBe(
		`before\n${numbered(netrc, () => "+")
			.replace("hunter", "***")
			.replace("sesame", "***")}after login form`,
	);
	expect(redactText(`+a\n${numbered(key, () => "+")}\n+b`)).toBe("+a\n+***-----END RSA PRIVATE KEY-----\n+\n+b");
});

const commands: readonly (readonly [command: string, secret: string])[] = [
	["curl -u ada:sesame https://h/x", "sesame"],
	["curl -sSu ada:sesame https://h/x", "sesame"],
	["curl -uada:sesame https://h/x", "sesame"],
	["curl --user ada:sesame https://h/x", "sesame"],
	["curl --user='ada:sesame' https://h/x", "sesame"],
	["curl -x p:1 --proxy-user ada:sesame h", "sesame"],
	["/usr/bin/curl \\\n  -u ada:sesame \\\n  h", "sesame"],
	["+ curl -H 'Authorization: sesame' h", "sesame"],
	["curl -H 'Authorization: Bearer sesame' h", "sesame"],
	['curl -H "X-Api-Key: sesame" h', "sesame"],
	["curl --header=Authorization:sesame h", "sesame"],
	["curl -H 'Cookie: a=open sesame' h", "sesame"],
	["http -a ada:sesame h", "sesame"],
	["mysql -u root -psesame db", "sesame"],
	["mysqldump -uroot -p'sesame' db > x.sql", "sesame"],
	["mysql --password=sesame", "sesame"],
	["tool --password sesame --verbose", "sesame"],
	["tool --password 'open sesame'", "sesame"],
	['tool --db-password "open sesame"', "sesame"],
	["wget --user ada --password sesame h", "sesame"],
	["wget --http-password=sesame h", "sesame"],
	["sshpass -p sesame ssh h", "sesame"],
	["sshpass -psesame ssh h", "sesame"],
	["PGPASSWORD=sesame psql", "sesame"],
	["env MYSQL_PWD=sesame mysql", "sesame"],
	["export DB_PASSWORD='open sesame'", "sesame"],
	["docker login -u ada -p sesame r.io", "sesame"],
	["redis-cli -a sesame ping", "sesame"],
	["ldapsearch -x -w sesame", "sesame"],
	["openssl rsa -passin pass:sesame", "sesame"],
];

test.each(commands)("redacts the secret in the command line %s", (command, secret) => {
	expect(redactText(command)).not.toContain(secret);
	expect(redactText(`error: \`${command}\` failed`)).not.toContain(secret);
	expect(redactText(JSON.stringify({ command }))).not.toContain(secret);
	expect(redactText(JSON.stringify({ command: `first\n${command}` }))).not.toContain(secret);
	const words = [
		...command.replaceAll("\\\n", " ").matchAll(/'([^']*)'|"([^"]*)"|((?:[^\s'"]|(?<=[=p])'[^']*')+)/g),
	].map(([, one, two, three]) => one ?? two ?? three?.replaceAll("'", "") ?? "");
	if (/=['"]/.test(command)) return;
	expect(JSON.stringify(redactDeep({ args: words }, redactText))).not.toContain(secret);
	expect(redactText(JSON.stringify(words))).not.toContain(secret);
});

test.each([
	'curl -u $USER:$PASS https://h, curl -u "$A:$B" -H "Authorization: Bearer $TOKEN" -H \'Accept: text/html\' h',
	"use --password to log in; --password <password>, --password string, --password=${{ P }}, --password=$P, --password",
	"mysql -p -u root, sshpass -f file ssh h, docker run -p 8080:80 -u 1000:1000 x, mkdir -p a/b, cp -p a b",
	"PWD=/home/x OLDPWD=/y DB_PASSWORD=$P PGPASSWORD=",
	"the machine learning course, login with a password, machine-readable",
])("does not change %j, which contains no secret", (text) => {
	expect(redactText(text)).toBe(text);
});

test("treats parts of a URL as secrets under any name, except ordinary query parameters", () => {
	const settings = {
		base_url:
			"https://s3cr3tuser1@h/v1?foo=s3cr3tvalue1&api-version=2024-10-21-preview&tenant=production&s3cr3tbare1#frag-ment",
		args: ["--url=https://h/?bar=s3cr3tvalue2%2F"],
	};
	expect(secretsIn(settings).sort()).toEqual(
		["frag-ment", "s3cr3tbare1", "s3cr3tvalue1", "s3cr3tvalue2%2F", "s3cr3tvalue2/"].sort(),
	);
	expect(secretsOf({ ANY: "https://h/?foo=s3cr3tvalue1" })).toEqual(["s3cr3tvalue1"]);
	expect(contributedSecrets("https://h/v1?tenant=open-sesame&a=b", "open-sesame")).toEqual(["open-sesame"]);
	expect(
		contributedSecrets("https://sesame-open@h/v1?a=open-sesame", "https://sesame-open@h/v1?a=open-sesame"),
	).toEqual(["sesame-open", "open-sesame"]);
	expect(contributedSecrets("see https://open-sesame@h/?tenant=open-sesame#a", "open-sesame", "prose")).toEqual([
		"open-sesame",
	]);
	expect(contributedSecrets("see https://h/?tenant=production#production", "production", "prose")).toEqual([]);
	expect(contributedSecrets("ssh://jonathan@h/x", "jonathan", "prose")).toEqual([]);
	expect(contributedSecrets("https://host.example/v1?model=gpt-4-turbo", "host.example")).toEqual([]);
	expect(redactSettings(settings).base_url).not.toMatch(/s3cr3tvalue1|s3cr3tbare1|frag-ment/);
});

test.each([
	...[
		"curl ",
		"curl -u ",
		"-u a:",
		"login ",
		"machine a login b ",
		"login a\n",
		"machine \\n",
		"\\n",
		"--password ",
		"-H ",
	],
	...[
		"-----END PRIVATE KEY-----",
		"A-----END PRIVATE KEY-----\n",
		`${body}\n`,
		`${pem("")}\nA: b`,
		"login\n2026-11-29T",
	],
	...["login\nweb_1 ", "login \u001b[1m", "sshpass -p ", "docker login ", "A_PASSWORD", "PASSWORD=", "a://?"],
])("redacts a megabyte of %j in reasonable time", (piece) => {
	const started = cpuMs();
	redactText(`${piece.repeat(1_000_000 / piece.length)} -----END PRIVATE KEY-----`);
	expect(cpuMs() - started).toBeLessThan(5_000);
});
