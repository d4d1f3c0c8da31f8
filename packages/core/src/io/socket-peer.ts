import { readFileSync } from "node:fs";

export interface Connection {
	readonly localPort?: number | undefined;
	readonly remotePort?: number | undefined;
}

/**
 * Returns whether another user of this machine certainly owns the other end of `connection`. Linux
 * lists the user of each socket; elsewhere, and for connections from other machines, nothing is
 * known. Root does not count as another user.
 */
export function isOfAnotherUser(connection: Connection): boolean {
	const self = process.getuid?.();
	if (process.platform !== "linux" || self === undefined) return false;
	return peerUsers(connection).some((uid) => uid !== self && uid !== 0);
}

function peerUsers({ localPort, remotePort }: Connection): readonly number[] {
	return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => {
		const lines = tableOf(path).split("\n").slice(1);
		return lines.flatMap((line) => {
			const [, local, remote, , , , , uid] = line.trim().split(/\s+/);
			// The peer's own entry has the ports swapped.
			return portOf(local) === remotePort && portOf(remote) === localPort && uid ? [Number(uid)] : [];
		});
	});
}

function tableOf(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}

function portOf(address: string | undefined): number | undefined {
	const digits = address?.split(":")[1];
	return digits === undefined ? undefined : Number.parseInt(digits, 16);
}
