import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { isLoopback, type StudioOptions } from "./options.ts";
import { problem } from "./problem.ts";
import type { Session } from "./session.ts";

const policy = [
	"default-src 'none'",
	"script-src 'self'",
	// Mantine sets CSS variables through style attributes and one style element.
	"style-src 'self' 'unsafe-inline'",
	"img-src 'self' data:",
	"font-src 'self'",
	"connect-src 'self'",
	"form-action 'none'",
	"base-uri 'none'",
	"frame-ancestors 'none'",
].join("; ");

/** Headers of every answer: nothing from elsewhere, no sniffing, no frames. */
export function securityHeaders(): MiddlewareHandler {
	return async (c, next) => {
		await next();
		c.header("Content-Security-Policy", policy);
		c.header("X-Content-Type-Options", "nosniff");
		c.header("X-Frame-Options", "DENY");
		c.header("Referrer-Policy", "no-referrer");
		c.header("Cross-Origin-Resource-Policy", "same-origin");
		c.header("Cross-Origin-Opener-Policy", "same-origin");
		if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
	};
}

/** Refuses requests under a foreign name (DNS rebinding): only loopback names, the host listened on, and allowed ones. */
export function hostGuard(options: Pick<StudioOptions, "host" | "allowHosts">): MiddlewareHandler {
	const allowed = new Set([options.host, ...options.allowHosts].map((name) => name.toLowerCase()));
	return async (c, next) => {
		const name = hostName(c.req.header("host"));
		if (name !== undefined && (isLoopback(name) || allowed.has(name))) return next();
		return refuse(c, 403, "host-not-allowed", `requests for ${JSON.stringify(name ?? "")} are not answered`, {
			hint: "start Studio with --allow-host NAME if this name is yours",
		});
	};
}

/** `example.org:80` → `example.org`, `[::1]:3117` → `::1`. */
function hostName(header: string | undefined): string | undefined {
	const match = /^(?:\[([0-9a-f:]+)\]|([^:[\]/@\s]+))(?::\d+)?$/i.exec(header ?? "");
	return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/**
 * Where Studio listens beyond loopback, everything needs the token: given once as `?token=…`, exchanged for a cookie
 * that scripts cannot read and other sites cannot send.
 */
export function loginGuard(options: Pick<StudioOptions, "host">, session: Session): MiddlewareHandler {
	return async (c, next) => {
		if (isLoopback(options.host)) return next();
		const url = new URL(c.req.url);
		const offered = url.searchParams.get("token");
		if (offered !== null && c.req.method === "GET" && session.matches(offered)) {
			const { name, value } = session.cookie;
			setCookie(c, name, value, { httpOnly: true, sameSite: "Strict", path: "/" });
			url.searchParams.delete("token");
			// A path of several slashes would lead to another host.
			return c.redirect(url.pathname.replace(/^\/+/, "/") + url.search);
		}
		if (session.matchesCookie(getCookie(c, session.cookie.name))) return next();
		if (session.matches(c.req.header("x-agentv-token"))) return next();
		return refuse(c, 401, "login-needed", "this Studio needs its token", {
			hint: "open the address that `agentv studio` printed, with ?token=…",
		});
	};
}

/** A person who comes by browser reads a sentence, a program gets the problem. */
function refuse(c: Context, status: 401 | 403, code: string, message: string, more: { hint: string }): Response {
	const byBrowser = c.req.header("accept")?.includes("text/html") && !c.req.path.startsWith("/api/");
	if (!byBrowser) return problem(c, status, code, message, more);
	return c.text(`AgentV Studio: ${message}\n\n${more.hint}\n`, status);
}

/**
 * Whatever other sites send us is refused, reads included: some ask a remote. Writes come from our own page only: same
 * origin, JSON, and the token that stands in the page.
 */
export function apiGuard(session: Session): MiddlewareHandler {
	return async (c, next) => {
		if (c.req.method === "GET" || c.req.method === "HEAD") return foreignSite(c) ?? next();
		const refusal = foreignOrigin(c) ?? notJson(c) ?? withoutToken(c, session);
		return refusal ?? next();
	};
}

function foreignSite(c: Context): Response | undefined {
	const site = c.req.header("sec-fetch-site");
	if (site === undefined || site === "same-origin" || site === "none") return undefined;
	return problem(c, 403, "foreign-origin", "requests are taken from Studio's own page only");
}

function foreignOrigin(c: Context): Response | undefined {
	const origin = c.req.header("origin");
	if (origin === undefined || sameHost(origin, c.req.header("host"))) return foreignSite(c);
	return problem(c, 403, "foreign-origin", "writes are taken from Studio's own page only");
}

function sameHost(origin: string, host: string | undefined): boolean {
	return URL.canParse(origin) && new URL(origin).host === host;
}

function notJson(c: Context): Response | undefined {
	const type = c.req.header("content-type")?.split(";")[0]?.trim();
	return type === "application/json" ? undefined : problem(c, 415, "json-only", "the body must be application/json");
}

function withoutToken(c: Context, session: Session): Response | undefined {
	if (session.matches(c.req.header("x-agentv-token"))) return undefined;
	return problem(c, 403, "token-missing", "the session token is missing or of another Studio", {
		hint: "reload the page",
	});
}
