import type { Context, MiddlewareHandler } from "hono";
import { isLoopback, type StudioOptions } from "./options.ts";
import { problem } from "./problem.ts";
import { refuse } from "./refuse.ts";

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

/** Sets security headers: no foreign resources, no sniffing, no frames. */
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

/** Refuses foreign host names (DNS rebinding): allows loopback names, the listening host, and `--allow-host`. */
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

/** Refuses requests from pages of other origins. Reads too, because some contact a remote. */
export function originGuard(): MiddlewareHandler {
	return async (c, next) => foreignOrigin(c) ?? next();
}

/**
 * Refuses writes that are not JSON, which forms can't send. Runs after the login, so that requests without token learn
 * nothing.
 */
export function jsonGuard(): MiddlewareHandler {
	return async (c, next) => {
		const reads = c.req.method === "GET" || c.req.method === "HEAD";
		return (reads ? undefined : notJson(c)) ?? next();
	};
}

function foreignOrigin(c: Context): Response | undefined {
	const origin = c.req.header("origin");
	const site = c.req.header("sec-fetch-site") ?? "none";
	const isOwn = (origin === undefined || sameHost(origin, c.req.header("host"))) && /^(same-origin|none)$/.test(site);
	return isOwn ? undefined : problem(c, 403, "foreign-origin", "cross-origin requests are not allowed");
}

function sameHost(origin: string, host: string | undefined): boolean {
	return URL.canParse(origin) && new URL(origin).host === host;
}

function notJson(c: Context): Response | undefined {
	const type = c.req.header("content-type")?.split(";")[0]?.trim();
	return type === "application/json" ? undefined : problem(c, 415, "json-only", "the body must be application/json");
}
