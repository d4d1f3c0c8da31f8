import { canInstall, install } from "./apt.mjs";
import { findOnPath } from "./executable.mjs";

const shells = ["bash", "zsh", "fish"];
/** Tests that need these are skipped without them. */
const optional = ["git-lfs", "ssh-keygen"];
const packages = { "ssh-keygen": "openssh-client" };
const missing = (names = shells) => names.filter((name) => !findOnPath([name]));

/** @throws an error that says what to install */
export async function needShells() {
	const wanted = missing([...shells, ...optional]);
	// bash-completion is optional.
	if (wanted.length > 0 && canInstall)
		await install([...wanted.map((name) => packages[name] ?? name), "bash-completion"]);
	const left = missing();
	if (left.length > 0) throw new Error(`The completion tests need ${left.join(" and ")}: install what is missing.`);
}
