import { AgentvError } from "../base/agentv-error.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { isInside } from "../io/files/path-inside.ts";
import { pathKind, realPath, targetKind } from "../io/files/stat-path.ts";
import { isBundleDirectory } from "../model/manifest.ts";

/**
 * Whether a former bundle stands at `output` and gives way to the new one.
 * @throws AgentvError `refused` where a bundle must not be written there
 */
export function judgeOutput(output: string, source: string, force: boolean): boolean {
	const real = realPath(output);
	if (isInside(realPath(source), real))
		throw new AgentvError("refused", `the output ${output} is inside the source ${source}`, {
			hint: "choose a directory outside the eval's",
		});
	if (isInside(real, realPath(source)))
		throw new AgentvError("refused", `the output ${output} contains the source ${source}`, {
			hint: "choose a separate directory for the bundle",
		});
	const kind = targetKind(output);
	if (kind === "missing") {
		if (pathKind(output) === "link") throw new AgentvError("refused", `the output ${output} is a broken link`);
		return false;
	}
	if (kind !== "directory") throw new AgentvError("refused", `the output ${output} exists and is not a directory`);
	if (listDirectory(output).length === 0) return false;
	if (!isBundleDirectory(output))
		throw new AgentvError("refused", `the output ${output} is not empty and not a bundle`, {
			hint: "choose a new or empty directory; --force only replaces an existing bundle",
		});
	if (!force)
		throw new AgentvError("refused", `the output ${output} is already a bundle`, { hint: "--force overwrites it" });
	return true;
}
