import { canInstall, install } from "./apt.mjs";
import { findOnPath } from "./executable.mjs";

const shells = ["bash", "zsh", "fish"];
/** Tests that use these programs are skipped without them; Debian's packages have other names. */
const optional = ["git-lfs", "ssh-keygen"];
const packages = { "ssh-keygen": "openssh-client" };
const missing = (names = shells) => names.filter((name) => !findOnPath([name]));

/** Makes sure that the shells are there which the tests of completion run in; throws a sentence that says what to install. */
export async function needShells() {
	const wanted = missing([...shells, ...optional]);
	// What bash gets along with is tried where it can be had; with the shells it costs nothing to install.
	if (wanted.length > 0 && canInstall)
		await install([...wanted.map((name) => packages[name] ?? name), "bash-completion"]);
	const left = missing();
	if (left.length > 0) throw new Error(`The tests of completion need ${left.join(" and ")}: install what is missing.`);
}
