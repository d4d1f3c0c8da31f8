/**
 * Returns this process's CPU time in milliseconds, which other load on the machine does not affect.
 */
export function cpuMs(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1000;
}
