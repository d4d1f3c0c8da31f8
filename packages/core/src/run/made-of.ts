import type { PinnedRepository } from "../model/fingerprint.ts";
import type { Fingerprint, RowError } from "../schema/result-row.ts";
import type { Versions } from "./fingerprints.ts";
import type { RecordedAttempt } from "./recorded-attempt.ts";
import type { RunOrigin } from "./run-plan.ts";

/** What the records of an attempt say about what it was made of. */
interface MadeOf {
	readonly fingerprint: Fingerprint;
	readonly files?: Readonly<Record<string, string>>;
	/** Commits by the paths of repositories. */
	readonly repositories?: Readonly<Record<string, string>>;
	/** One for each file that was written while the attempt ran. */
	readonly warnings: readonly RowError[];
}

interface Begun {
	/** The files as they were when the attempt began; absent for one that never ran. */
	readonly files?: Versions["files"];
	/** The attempt whose answer is graded again. */
	readonly recorded?: Pick<RecordedAttempt, "fingerprint" | "files"> | undefined;
}

/** @param origin the run whose answers are graded again */
export function madeOf(
	versions: Versions,
	repositories: readonly PinnedRepository[],
	{ files: begunWith = versions.files, recorded }: Begun,
	origin: RunOrigin | undefined,
): MadeOf {
	const names = [...new Set([...Object.keys(begunWith), ...Object.keys(versions.files)])];
	const changed = names.filter((name) => begunWith[name] !== versions.files[name]);
	const files = { ...targetFiles(recorded?.files, origin), ...versions.files };
	// The target that gave a recorded answer is the one of then.
	const target = recorded?.fingerprint?.target;
	return {
		fingerprint: target === undefined ? versions.fingerprint : { ...versions.fingerprint, target },
		...(Object.keys(files).length > 0 ? { files } : {}),
		...(repositories.length > 0
			? { repositories: Object.fromEntries(repositories.map(({ path, sha }) => [path, sha])) }
			: {}),
		warnings: changed.map((name) => ({
			stage: "versions",
			code: "changed-while-running",
			message: `${name} changed while the attempt ran, which could have used either version`,
		})),
	};
}

/** The files that the target of a recorded answer was made of. */
function targetFiles(files: Versions["files"] | undefined, origin: RunOrigin | undefined): Versions["files"] {
	if (!files || !origin) return {};
	const ofTarget = (origin.run.files ?? []).filter(({ parts }) => parts.includes("target"));
	const covered = new Set(ofTarget.map(({ path }) => path));
	return Object.fromEntries(Object.entries(files).filter(([name]) => covered.has(name)));
}
