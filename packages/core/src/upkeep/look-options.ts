export interface LookOptions {
	/** `$AGENTV_HOME`, absolute. */
	readonly home: string;
	/** Where processes put what they need while they run. Default: the system's directory. */
	readonly tempDirectory?: string | undefined;
	/** Time for the size of one thing; what takes longer is told smaller than it is. Default: none. */
	readonly timeMs?: number;
	readonly signal?: AbortSignal | undefined;
}
