/** Returns a human-readable duration: `850ms`, `12.3s`, `2m 05s`, `1h 02m`. */
export function formatDuration(milliseconds: number): string {
	const total = Math.max(0, milliseconds);
	if (Math.round(total) < 1000) return `${Math.round(total)}ms`;
	if (total < 59_950) return `${(total / 1000).toFixed(1)}s`;
	const seconds = Math.round(total / 1000);
	if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${twoDigits(seconds % 60)}s`;
	const minutes = Math.round(seconds / 60);
	return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

function twoDigits(number: number): string {
	return String(number).padStart(2, "0");
}
