import { law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
	createKnownRedactor,
	createRedactor,
	isSecretName,
	RedactedStream,
	redactDeep,
	redactInPlace,
	redactJson,
	redactSettings,
	redactText,
	secretsIn,
	secretsOf,
} from "./redact.ts";

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
	"%s is a secret's name",
	(name) => {
		expect(isSecretName(name)).toBe(true);
	},
);

const ordinary = ["max_tokens", "tokens", "token_usage", "tokenUsage", "PWD", "OLDPWD", "SECRETARY", "PASSWORDLESS"];
test.each([...ordinary, "MAX_TOKENS", "maxTokens", "TOKENIZER", "MONKEY", "PATH", "KEYBOARD_LAYOUT", ""])(
	"%s is not",
	(name) => {
		expect(isSecretName(name)).toBe(false);
	},
);

const pem = (kind: string) => `-----BEGIN ${kind}PRIVATE KEY-----`;
const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";

/** Texts as they come, and the part of them that is the secret. */
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

test.each(secrets)("%j is redacted", (text, secret) => {
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
])("%j stays as it is", (text) => {
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
])("the line %s is shown as %s", (line, shown) => {
	expect(redactInPlace(line)).toBe(shown);
});

test("known secrets are redacted as they are, in JSON, URLs and base64; short values and other variables are not", () => {
	const redact = createRedactor(
		secretsOf({ A_KEY: 'pa"ss/word', B_TOKEN: "short", C_PASSWORD: "hunter2", HOME: "/home/x" }),
	);
	expect(redact('pa"ss/word short hunter2 /home/x')).toBe("*** short *** /home/x");
	expect(redact(JSON.stringify({ a: 'pa"ss/word' }))).toBe('{"a":"***"}');
	expect(redact(JSON.stringify(JSON.stringify({ a: 'pa"ss/word' })))).not.toContain("ss/word");
	expect(redact("https://x:pa%22ss%2Fword@host/")).toBe("https://x:***@host/");
	for (const before of ["", "a", "ab"]) expect(redact(btoa(`${before}pa"ss/word`))).toContain("***");
});

test("what is a secret by its form is one in a variable of any name, and in settings of any field", () => {
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

test("settings lose what is secret by field, and addresses what identifies their user", () => {
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

test("secrets that overlap in the text go whole, those that the text cuts as far as they go", () => {
	const redact = createRedactor(["abcdefgh", "efghijkl", "abcdefghmore"]);
	expect(redact("<abcdefghijkl> <abcdefghmore>")).toBe("<***> <***>");
	const one = createRedactor(["correct-horse-battery"]);
	expect(one("it is correct-horse-ba")).toBe("it is ***");
	expect(one("it is correct-hor… and")).toBe("it is ***… and");
	expect(one("it is correct-horses")).toBe("it is correct-horses");
});

test("the lines of a private key are redacted one by one too", () => {
	const key = `-----BEGIN KEY-----\n${body}\n${body.toLowerCase()}\n-----END KEY-----`;
	expect(createRedactor(secretsOf({ DEPLOY_KEY: key }))(`line: ${body}`)).toBe("line: ***");
});

test("redaction goes through whole values, by field too, keeps names distinct and leaves the untouched the same", () => {
	const redact = createRedactor(["sesame-open", "sesame-close"]);
	const value = { a: ["x sesame-open"], same: { n: 1 }, password: "x", "sesame-open": 1, "sesame-close": 2 };
	const shown = redactDeep(value, redact);
	expect(shown).toEqual({ a: ["x ***"], same: { n: 1 }, password: "***", "***": 1, "***~2": 2 });
	expect(shown.same).toBe(value.same);
	expect(createKnownRedactor(["sesame-open"])(`sesame-open ${jwt}`)).toBe(`*** ${jwt}`);
});

test("no known secret is left in any text", () => {
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

test("a text in pieces is redacted as if it came whole", () => {
	const known = ["known secret 1"];
	const word = fc.oneof(
		fc.constantFrom(
			...secrets.filter(([text]) => !text.includes("\n")).map(([text]) => ` ${text} `),
			" known secret 1 ",
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

test("redacted JSON is still JSON", () => {
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

test("JSON loses what a secret's name stands beside, though nothing in it looks like a secret", () => {
	const shown = redactJson(JSON.stringify({ a: [{ password: "correct horse", passwordless: "yes" }] }), redactText);
	expect(JSON.parse(shown)).toEqual({ a: [{ password: "***", passwordless: "yes" }] });
});

test("JSON keeps names that are words, whatever is a secret", () => {
	const redact = createRedactor(["mean_score", "password", "planted-1a2b"]);
	const shown = redactJson(JSON.stringify({ mean_score: "mean_score", "planted-1a2b": 1, passwords: 2 }), redact);
	expect(JSON.parse(shown)).toEqual({ mean_score: "***", "***": 1, passwords: 2 });
});
