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
		throw new AgentvError("refused", `the output ${output} lies inside the source ${source}`, {
			hint: "choose a directory outside of the eval's",
		});
	if (isInside(real, realPath(source)))
		throw new AgentvError("refused", `the output ${output} holds the source ${source}`, {
			hint: "choose a directory of its own for the bundle",
		});
	const kind = targetKind(output);
	if (kind === "missing") {
		if (pathKind(output) === "link") throw new AgentvError("refused", `the output ${output} is a link to nothing`);
		return false;
	}
	if (kind !== "directory") throw new AgentvError("refused", `the output ${output} exists and is no directory`);
	if (listDirectory(output).length === 0) return false;
	if (!isBundleDirectory(output))
		throw new AgentvError("refused", `the output ${output} is not empty, and no bundle`, {
			hint: "name a new or empty directory; even --force replaces nothing but a former bundle",
		});
	if (!force)
		throw new AgentvError("refused", `the output ${output} is a bundle already`, { hint: "--force replaces it" });
	return true;
}
