import type { CloneGit } from "./clone-git.ts";

/** Returns the contents of available git objects by name, with one command. Offline. */
export async function objectContents(git: CloneGit, oids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
	const contents = new Map<string, Buffer>();
	if (oids.length === 0) return contents;
	const { stdoutBytes } = await git.local(["cat-file", "--batch"], { input: `${oids.join("\n")}\n` });
	for (let at = 0; at < stdoutBytes.length; ) {
		const end = stdoutBytes.indexOf(0x0a, at);
		if (end === -1) break;
		const [oid = "", , size] = stdoutBytes.toString("latin1", at, end).split(" ");
		at = end + 1;
		// A missing object is a single line.
		if (size === undefined) continue;
		contents.set(oid, stdoutBytes.subarray(at, at + Number(size)));
		at += Number(size) + 1;
	}
	return contents;
}
