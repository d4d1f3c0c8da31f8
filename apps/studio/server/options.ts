/** Studio's options, and everything it may know about the machine. */
export interface StudioOptions {
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Directory of runs and of evals outside benchmarks. */
	readonly cwd: string;
	/** Interface to listen on. */
	readonly host: string;
	/** At least 22 characters; default: random. */
	readonly token?: string;
	/** Additional allowed host names, without ports. */
	readonly allowHosts: readonly string[];
	/** Whether to omit all routes that write. */
	readonly readOnly: boolean;
	/** Directory of the built pages. */
	readonly pages: string;
	readonly version: string;
	/** Called with unexpected errors. */
	readonly report?: (error: unknown) => void;
}

/** Returns whether other machines can't reach `host`. */
export function isLoopback(host: string): boolean {
	return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
