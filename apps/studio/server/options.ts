/** How Studio is started. Everything it may know of the machine comes in here. */
export interface StudioOptions {
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Directory that runs and evals outside benchmarks are relative to. */
	readonly cwd: string;
	/** Interface to listen on. */
	readonly host: string;
	/** Chosen token, at least 22 characters; a random one when absent. */
	readonly token?: string;
	/** Names added to the Host allow-list, without ports. */
	readonly allowHosts: readonly string[];
	/** No route that writes is there. */
	readonly readOnly: boolean;
	/** Directory of the built pages. */
	readonly pages: string;
	readonly version: string;
	/** Told of faults that are ours. */
	readonly report?: (error: unknown) => void;
}

/** True for the names of this machine that no other machine can reach. */
export function isLoopback(host: string): boolean {
	return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
