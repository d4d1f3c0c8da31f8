export interface LookOptions {
	/** `$AGENTV_HOME`, absolute. */
	readonly home: string;
	/** Time for the size of one thing; what takes longer is told smaller than it is. Default: none. */
	readonly timeMs?: number;
	readonly signal?: AbortSignal | undefined;
}
