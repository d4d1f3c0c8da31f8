import { setTimeout as wait } from "node:timers/promises";
import { type Connection, isOfAnotherUser } from "@agentv/core";
import type { Context, MiddlewareHandler } from "hono";
import { setCookie } from "hono/cookie";
import { html } from "hono/html";
import { secureHeaders } from "hono/secure-headers";
import { isLoopback, type StudioOptions } from "./find-eval.ts";
import { problem, refuse } from "./problem.ts";
import type { Session } from "./session.ts";

const headers = secureHeaders({
	contentSecurityPolicy: {
		defaultSrc: ["'none'"],
		scriptSrc: ["'self'"],
		// Mantine sets CSS variables through style attributes and one style element.
		styleSrc: ["'self'", "'unsafe-inline'"],
		imgSrc: ["'self'", "data:"],
		fontSrc: ["'self'"],
		connectSrc: ["'self'"],
		formAction: ["'none'"],
		baseUri: ["'none'"],
		frameAncestors: ["'none'"],
	},
	xFrameOptions: "DENY",
	// Studio listens without TLS.
	strictTransportSecurity: false,
});

/** Forbids foreign resources, sniffing and frames, and caching unless the route allows it. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
	await headers(c, next);
	if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
};

/** Prevents DNS rebinding: allows loopback names, the listening host, and `--allow-host`. */
export function hostGuard(options: Pick<StudioOptions, "host" | "allowHosts">): MiddlewareHandler {
	const allowed = new Set([options.host, ...options.allowHosts].map((name) => name.toLowerCase()));
	return async (c, next) => {
		const name = hostName(c.req.header("host"));
		if (name !== undefined && (isLoopback(name) || allowed.has(name))) return next();
		return refuse(c, 403, "host-not-allowed", `host ${JSON.stringify(name ?? "")} is not allowed`, {
			hint: "Start Studio with --allow-host NAME to allow it.",
		});
	};
}

/** Converts `example.org:80` to `example.org`, `[::1]:3117` to `::1`. */
function hostName(header: string | undefined): string | undefined {
	const match = /^(?:\[([0-9a-f:]+)\]|([^:[\]/@\s]+))(?::\d+)?$/i.exec(header ?? "");
	return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Refuses reads from other origins too, because some contact a remote. */
export const originGuard: MiddlewareHandler = async (c, next) => {
	const origin = c.req.header("origin");
	const site = c.req.header("sec-fetch-site") ?? "none";
	const isOwn = (origin === undefined || sameHost(origin, c.req.header("host"))) && /^(same-origin|none)$/.test(site);
	return isOwn ? next() : problem(c, 403, "foreign-origin", "cross-origin requests are not allowed");
};

function sameHost(origin: string, host: string | undefined): boolean {
	return URL.canParse(origin) && new URL(origin).host === host;
}

/** Refuses writes that forms can send; after the login, to reveal nothing without a token. */
export const jsonGuard: MiddlewareHandler = async (c, next) => {
	const type = c.req.header("content-type")?.split(";")[0]?.trim();
	if (c.req.method === "GET" || c.req.method === "HEAD" || type === "application/json") return next();
	return problem(c, 415, "json-only", "the body must be application/json");
};

/** Requests with the right token are never delayed. */
const delayMs = 500;
const maxWaiting = 100;
const maxCookies = 20;
const apiPrefix = /^\/~[\w-]{43}(?=\/api\/)/;

export function routedPath(path: string): string {
	return path.replace(apiPrefix, "");
}

/**
 * Allows requests with the token or a login's cookie. A link with the token or a one-time code is
 * exchanged for cookies that scripts can't read and other sites can't send.
 */
export function loginGuard(session: Session): MiddlewareHandler {
	const refuseGuess = slowRefusal();
	return async (c, next) => {
		const url = new URL(c.req.url);
		const code = url.searchParams.get("code");
		const link = url.searchParams.get("token");
		if (c.req.method === "GET" && (code !== null || link !== null)) {
			if (session.matches(link ?? "") || (code !== null && redeems(session, code, c))) return exchange(c, url, session);
			if (!isLoggedIn(c, session)) return refuseGuess(c);
		}
		if (isLoggedIn(c, session)) return next();
		const shown = bearer(c.req.header("authorization")) ?? c.req.header("x-agentv-token");
		if (shown === undefined) return refuseLogin(c);
		return session.matches(shown) ? next() : refuseGuess(c);
	};
}

function redeems(session: Session, code: string, c: Context): boolean {
	const { incoming } = (c.env ?? {}) as { incoming?: { socket?: Connection } };
	return !isOfAnotherUser(incoming?.socket ?? {}) && session.redeem(code);
}

function exchange(c: Context, url: URL, session: Session): Response | Promise<Response> {
	const { key, apiCookie, pageCookie } = session.logIn();
	const port = url.port || "80";
	const options = { httpOnly: true, sameSite: "Strict" } as const;
	setCookie(c, `agentv-api-${port}`, apiCookie, { ...options, path: `/${key}/api` });
	setCookie(c, `agentv-${port}`, pageCookie, { ...options, path: "/" });
	url.searchParams.delete("token");
	url.searchParams.delete("code");
	// `//name` would redirect to another host.
	const clean = url.pathname.replace(/^\/+/, "/") + url.search;
	// Browsers don't send strict cookies on redirects from other sites, but do from our own page.
	if (c.req.header("sec-fetch-site") !== "cross-site") return c.redirect(clean, 303);
	return c.html(html`<!doctype html><meta http-equiv="refresh" content="0;url=${clean}">`);
}

function isLoggedIn(c: Context, session: Session): boolean {
	const cookies = cookieValues(c.req.header("cookie"));
	return c.req.path.startsWith("/api/") ? session.opensApi(cookies) : session.opensPages(cookies);
}

/** Returns several values if servers on other ports have set cookies of the same name. */
export function cookieValues(header: string | undefined): readonly string[] {
	const all = (header ?? "").matchAll(/(?:^|;\s*)agentv-(?:api-)?\d+=([\w-]{43})(?=;|$)/g);
	return Array.from(all, ([, value]) => value ?? "").slice(0, maxCookies);
}

function bearer(header: string | undefined): string | undefined {
	return /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}

/** Delays responses to wrong tokens, and limits how many wait. */
function slowRefusal(): (c: Context) => Promise<Response> {
	let waiting = 0;
	return async (c) => {
		if (waiting >= maxWaiting) {
			c.header("Retry-After", "1");
			return refuse(c, 429, "too-many-attempts", "too many wrong tokens", { hint: "Retry after one second." });
		}
		waiting += 1;
		try {
			await wait(delayMs);
		} finally {
			waiting -= 1;
		}
		return refuseLogin(c);
	};
}

function refuseLogin(c: Context): Response {
	c.header("WWW-Authenticate", "Bearer");
	return refuse(c, 401, "login-needed", "missing or invalid access token", {
		hint: "Open the link that `agentv studio` printed, or send the token as `Authorization: Bearer TOKEN`.",
	});
}
