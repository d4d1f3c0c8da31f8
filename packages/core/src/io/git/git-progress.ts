export interface GitProgress {
	/** As git names it: `Receiving objects`, `Resolving deltas`, `Updating files`. */
	readonly phase: string;
	/** 0 to 100. */
	readonly percent: number;
	readonly done: number;
	readonly total: number;
	/** Whether the server reports it. */
	readonly remote: boolean;
}

const line = /^(remote: )?([A-Z][a-z]+ [a-z]+):\s+(\d+)% \((\d+)\/(\d+)\)/;

/** Parses a line of git's stderr (run with `--progress`). */
export function parseGitProgress(text: string): GitProgress | undefined {
	const match = line.exec(text);
	if (!match) return undefined;
	const [, remote, phase = "", percent, done, total] = match;
	return { phase, percent: Number(percent), done: Number(done), total: Number(total), remote: remote !== undefined };
}
