import type { Environment } from "../io/environment.ts";
import type { DiskView } from "../model/disk-view.ts";

/** What to bundle and how: the options of `agentv bundle`. */
export interface BundleOptions {
	/** Path of the eval file, relative to `cwd` or absolute. */
	readonly file: string;
	/** Directory that becomes the bundle. */
	readonly output: string;
	/** Absolute. */
	readonly cwd: string;
	/** The process environment. */
	readonly env: Environment;
	readonly view: DiskView;
	/** Written into the manifest. */
	readonly agentvVersion: string;
	/** Names of targets that the bundle runs against instead of those that the eval chooses. */
	readonly targets?: readonly string[] | undefined;
	/** A targets file that overrides every other. */
	readonly targetsFile?: string | undefined;
	readonly captureEnv?: boolean | undefined;
	readonly pin?: boolean | undefined;
	readonly vendorRepos?: boolean | undefined;
	/** Globs below the eval's directory. */
	readonly include?: readonly string[] | undefined;
	/** Beginnings of the SHA-256 of texts that look like secrets and are none. */
	readonly allowedSecrets?: readonly string[] | undefined;
	/** Copy files from outside of the eval's root, too. */
	readonly includeOutside?: boolean | undefined;
	/** Replace a former bundle at `output`. */
	readonly force?: boolean | undefined;
	/** When it is made; default: `SOURCE_DATE_EPOCH`, else now. */
	readonly now?: Date | undefined;
	readonly signal?: AbortSignal | undefined;
}

/** The flags that shaped a bundle, as its manifest records them; `--targets` relative to the source's root. */
export function recordedFlags(options: BundleOptions, relativePath: (path: string) => string): string[] {
	const { targets = [], targetsFile, include = [], allowedSecrets = [] } = options;
	return [
		...targets.flatMap((name) => ["--target", name]),
		...(targetsFile === undefined ? [] : ["--targets", relativePath(targetsFile)]),
		...(options.captureEnv ? ["--capture-env"] : []),
		...(options.pin ? ["--pin"] : []),
		...(options.vendorRepos ? ["--vendor-repos"] : []),
		...(options.includeOutside ? ["--include-outside"] : []),
		...include.flatMap((pattern) => ["--include", pattern]),
		...allowedSecrets.flatMap((prefix) => ["--allow-secret", prefix]),
	];
}

/** The time that the manifest tells: seconds since 1970 in `SOURCE_DATE_EPOCH` fix it. */
export function creationTime({ now, env }: BundleOptions): string {
	const epoch = env.SOURCE_DATE_EPOCH;
	const date = epoch !== undefined && /^\d{1,12}$/.test(epoch) ? new Date(Number(epoch) * 1000) : (now ?? new Date());
	return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}
