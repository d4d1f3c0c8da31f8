import { request } from "node:http";
import { request as tlsRequest } from "node:https";

export type Reach = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Whether a web server answers at all, whatever it answers. Asks for `/` alone: no path, no user, no key and no cookie leaves the machine.
 * @param address its URL; only scheme, host and port count
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
			resolve({ ok: false, reason: limit.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error) });
		});
		asked.end();
	});
}

const reasons: Readonly<Record<string, string>> = {
	ENOTFOUND: "there is no such host",
	EAI_AGAIN: "the name of the host could not be looked up",
	ECONNREFUSED: "nothing listens there",
	ECONNRESET: "the connection was closed",
	EHOSTUNREACH: "the host is not reached",
	ENETUNREACH: "the network is not reached",
};

/** An address with several numbers fails with all their errors in one. */
function reasonOf(error: Error & { readonly code?: string; readonly errors?: readonly Error[] }): string {
	const first = (error.errors?.[0] ?? error) as Error & { readonly code?: string };
	return reasons[first.code ?? ""] ?? (first.message || String(first.code));
}
