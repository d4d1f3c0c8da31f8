import { request } from "node:http";
import { request as tlsRequest } from "node:https";

export type Reach = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Returns whether a web server responds at all. Requests only `/`: no path, user, key or cookie is
 * sent.
 * @param address its URL; only scheme, host and port are used
 */
export function reachServer(address: URL, timeoutMs: number, signal?: AbortSignal): Promise<Reach> {
	const open = address.protocol === "https:" ? tlsRequest : request;
	const limit = AbortSignal.timeout(timeoutMs);
	return new Promise((resolve) => {
		const asked = open(address.origin, {
			method: "HEAD",
			agent: false,
			signal: signal ? AbortSignal.any([signal, limit]) : limit,
		});
		asked.once("response", (response) => {
			response.destroy();
			resolve({ ok: true });
		});
		asked.once("error", (error) => {
			resolve({ ok: false, reason: limit.aborted ? `no response within ${timeoutMs / 1000} s` : reasonOf(error) });
		});
		asked.end();
	});
}

const reasons: Readonly<Record<string, string>> = {
	ENOTFOUND: "the host does not exist",
	EAI_AGAIN: "the host name could not be resolved",
	ECONNREFUSED: "connection refused",
	ECONNRESET: "the connection was closed",
	EHOSTUNREACH: "the host is unreachable",
	ENETUNREACH: "the network is unreachable",
};

/** An address with several IPs fails with all their errors in one. */
function reasonOf(error: Error & { readonly code?: string; readonly errors?: readonly Error[] }): string {
	const first = (error.errors?.[0] ?? error) as Error & { readonly code?: string };
	return reasons[first.code ?? ""] ?? (first.message || String(first.code));
}
