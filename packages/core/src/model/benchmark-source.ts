import { resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { splitCredentials } from "../base/git-credentials.ts";
import { parseGitUrl } from "../base/git-url.ts";
import { checkGitRef, checkGitUrl, type GitRefusal } from "../base/git-url-check.ts";
import { interpolateEnv } from "../base/interpolate.ts";
import { mostInField } from "../base/yaml-limits.ts";
import { type Environment, expandHome } from "../io/environment.ts";
import type { GitCredentials } from "../io/git/remote-git.ts";
import { misplacedSecret, urlEnvironment } from "./written-source.ts";

/** As written; can contain a literal password, which is rejected later. */
export interface WrittenSource {
	readonly url: string;
	readonly ref?: string | undefined;
}

/** Credentials are separate from the URL. Never shown or stored. */
export interface SourceAccess {
	/** For git and its configuration: without credentials. Paths are absolute. */
	readonly url: string;
	/** Branch, tag, full name (`refs/heads/x`) or full commit SHA; undefined: the remote's HEAD branch. */
	readonly ref: string | undefined;
	readonly credentials: GitCredentials | undefined;
}

const whereCredentialsBelong =
	"Use a variable (https://x-access-token:${{ GITHUB_TOKEN }}@host/…) or git's credential helper.";

/**
 * Fills in the variables of `written` and checks the result: URL and ref are untrusted.
 * @param base directory that a relative path is relative to
 * @throws AgentvError `config` if it can't be used; the message never contains a credential
 */
export function sourceAccess(written: WrittenSource, base: string, env: Environment): SourceAccess {
	const text = filledIn("url", written.url, urlEnvironment(written.url, env));
	refuse("url", checkGitUrl(text, written.url));
	const secret = misplacedSecret(written.url);
	if (secret !== undefined)
		throw new AgentvError("config", `url: the secret ${secret} is outside the user part of the URL`, {
			hint: whereCredentialsBelong,
		});
	const { url, credentials } = withoutEmptyUser(splitCredentials(text, written.url));
	const isPath = parseGitUrl(url).kind === "path";
	return {
		url: isPath ? resolve(base, expandHome(url, env)) : url,
		ref: refOf(written.ref, env),
		credentials: credentials && { url, ...credentials },
	};
}

/** Makes `https://x-access-token:${{ TOKEN:-}}@host` without a token a plain URL. */
function withoutEmptyUser(split: ReturnType<typeof splitCredentials>): ReturnType<typeof splitCredentials> {
	const { url, credentials } = split;
	if (credentials?.password === "" && (credentials.username === "" || credentials.username === "x-access-token"))
		return { url: url.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1") };
	return split;
}

function refuse(field: string, refusal: GitRefusal | undefined): void {
	if (!refusal) return;
	const message = `${field}: ${refusal.message.charAt(0).toLowerCase()}${refusal.message.slice(1)}`;
	const hint = refusal.reason === "password" ? whereCredentialsBelong : undefined;
	throw new AgentvError("config", message, hint === undefined ? {} : { hint });
}

function filledIn(field: string, written: string, env: Environment): string {
	const budget = { left: mostInField };
	const { value, uses, malformed } = interpolateEnv(written, env, budget);
	if (budget.left < 0)
		throw new AgentvError("config", `${field}: its variables insert more than ${mostInField} characters`);
	const unset = uses.find(({ state }) => state === "unset")?.name;
	if (unset !== undefined)
		throw new AgentvError("config", `${field}: variable ${unset} is not set and has no default`, {
			hint: `Set ${unset}, or write \${{ ${unset}:-default }}.`,
		});
	const [broken] = malformed;
	if (broken)
		throw new AgentvError("config", `${field}: ${JSON.stringify(broken.text)} looks like a variable but is not one`, {
			hint: "Write ${{ NAME }} or ${{ NAME:-default }}.",
		});
	return value;
}

function refOf(written: string | undefined, env: Environment): string | undefined {
	if (written === undefined) return undefined;
	const ref = filledIn("ref", written, env).trim();
	if (ref === "") return undefined;
	refuse("ref", checkGitRef(ref));
	return ref;
}

/** Returns whether `ref` is a full commit SHA (SHA-1 or SHA-256). */
export function isFullSha(ref: string): boolean {
	return /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref);
}
