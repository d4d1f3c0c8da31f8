import { delimiter, isAbsolute } from "node:path";
import { isWritableDirectory } from "../../io/files/is-writable.ts";
import { systemTempDir } from "../../io/files/temp-dir.ts";
import { nodeVersion } from "../../io/process/node-executable.ts";
import type { DoctorItem } from "./doctor-item.ts";
import { findProgram, type ProgramSearch } from "./program-version.ts";

/** As package.json's `engines` says. */
export const oldestNode = "20.19";
/** The first git that takes configuration by its environment, so that no credential stands in a command line. */
const oldestGit = "2.31";
/** The first whose sparse checkouts are set up in one step. */
const gitForSparse = "2.35";

/** Node, git and the directories that everything needs. */
export async function checkMachine(search: ProgramSearch): Promise<DoctorItem[]> {
	return [node(nodeVersion.replace(/^v/, "")), await git(search), ...path(search), temporary()];
}

function node(version: string): DoctorItem {
	const shared = { group: "machine", name: "node", says: version } as const;
	if (isOlder(version, oldestNode))
		return { ...shared, state: "problem", action: `install Node ${oldestNode} or newer` };
	return { ...shared, state: "ok" };
}

async function git(search: ProgramSearch): Promise<DoctorItem> {
	const found = await findProgram("git", search);
	const shared = { group: "machine", name: "git" } as const;
	if (!found) return { ...shared, state: "problem", says: "not found", action: "install git, or fix PATH" };
	const { version, path } = found;
	if (version === undefined)
		return { ...shared, state: "warning", says: `${path} does not report its version`, action: "check that it works" };
	if (isOlder(version, oldestGit))
		return {
			...shared,
			state: "problem",
			says: `${version} is too old`,
			action: `install git ${gitForSparse} or newer`,
		};
	if (isOlder(version, gitForSparse)) {
		const says = `${version} can't set up workspaces with \`sparse\` paths`;
		return { ...shared, state: "warning", says, action: `install git ${gitForSparse} or newer` };
	}
	return { ...shared, state: "ok", says: `${version}  ${path}` };
}

/** Whoever can write where we stand could put programs into such an entry. */
function path({ env }: ProgramSearch): DoctorItem[] {
	const relative = (env.PATH ?? env.Path ?? "").split(delimiter).filter((entry) => entry !== "" && !isAbsolute(entry));
	if (relative.length === 0) return [];
	const says = `has entries relative to the current directory: ${relative.join(", ")}`;
	return [{ group: "machine", name: "PATH", state: "warning", says, action: "write them as absolute paths" }];
}

function temporary(): DoctorItem {
	const directory = systemTempDir();
	const shared = { group: "machine", name: "temp" } as const;
	return isWritableDirectory(directory)
		? { ...shared, state: "ok", says: directory }
		: {
				...shared,
				state: "problem",
				says: `${directory} is not writable`,
				action: "set TMPDIR to another directory",
			};
}

/** Compares dotted numbers; what is no number counts as 0. */
export function isOlder(version: string, than: string): boolean {
	const numbers = (text: string) => text.split(/[^\d]+/).map(Number);
	const [left, right] = [numbers(version), numbers(than)];
	for (const [index, wanted] of right.entries()) {
		const given = left[index] ?? 0;
		if (given !== wanted) return given < wanted;
	}
	return false;
}
