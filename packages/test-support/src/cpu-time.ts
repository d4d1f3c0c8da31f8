/** Returns milliseconds of this process, which other load on the machine does not extend. */
export function cpuMs(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1000;
}
