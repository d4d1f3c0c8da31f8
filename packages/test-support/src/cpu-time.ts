/** What this process has computed, in milliseconds: for limits of computations, which a busy machine does not stretch. */
export function cpuMs(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1000;
}
