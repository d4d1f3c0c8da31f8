import { join } from "node:path";
import {
	AgentvError,
	agentvHome,
	type BundleProgress,
	listDirectory,
	openDiskView,
	planBundle,
	readManifest,
	safeName,
	targetKind,
	writeBundle,
} from "@agentv/core";
import type { BundleAnswer, BundleEventAnswer } from "./answers/bundles.ts";
import type { FoundEval } from "./eval-finder.ts";
import type { StudioOptions } from "./options.ts";
import type { Services } from "./services.ts";

/** Options of a bundle. */
export interface BundleChoices {
	readonly name?: string | undefined;
	readonly targets?: readonly string[] | undefined;
	readonly capture_env?: boolean | undefined;
	readonly pin?: boolean | undefined;
	readonly vendor_repos?: boolean | undefined;
	readonly include?: readonly string[] | undefined;
	readonly allow_secrets?: readonly string[] | undefined;
}

/** Returns Studio's directory for bundles, because pages must not choose paths. */
function shelf({ env }: Pick<StudioOptions, "env">): string {
	return join(agentvHome(env), "bundles");
}

/** Lists the existing bundles that Studio has created, by name. */
export function listBundles(options: StudioOptions): BundleAnswer[] {
	const root = shelf(options);
	return listDirectory(root).flatMap((name) => describe(root, name) ?? []);
}

/** @throws AgentvError `not-found` */
export function findBundle(id: string, options: StudioOptions): BundleAnswer {
	const root = shelf(options);
	const found = listDirectory(root).includes(id) ? describe(root, id) : undefined;
	if (!found) throw new AgentvError("not-found", "bundle not found", { hint: "It may have been moved or deleted." });
	return found;
}

function describe(root: string, name: string): BundleAnswer | undefined {
	const directory = join(root, name);
	if (name.startsWith(".") || targetKind(join(directory, "manifest.json")) !== "file") return undefined;
	try {
		const { digest, createdAt, files, source } = readManifest(directory);
		const size = files.reduce((sum, file) => sum + file.size, 0);
		return { id: name, directory, eval: source.eval, digest, created_at: createdAt, files: files.length, size };
	} catch (error) {
		// Not a bundle, or no longer one.
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

/** Bundles an eval and yields its progress. @throws AgentvError */
export async function* makeBundle(
	{ file, path }: FoundEval,
	choices: BundleChoices,
	{ options, redact }: Services,
	signal: AbortSignal,
): AsyncGenerator<BundleEventAnswer> {
	const time = new Date()
		.toISOString()
		.replace(/\.\d+Z$/, "")
		.replaceAll(/[:T]/g, "-");
	const id = choices.name ?? `${safeName(path)}-${time}`;
	const plan = await planBundle({
		file,
		output: join(shelf(options), id),
		cwd: options.cwd,
		env: options.env,
		view: openDiskView(),
		agentvVersion: options.version,
		targets: choices.targets?.length ? choices.targets : undefined,
		captureEnv: choices.capture_env,
		pin: choices.pin,
		vendorRepos: choices.vendor_repos,
		include: choices.include,
		allowedSecrets: choices.allow_secrets,
		signal,
	});
	for await (const progress of writeBundle(plan, { signal })) {
		if (progress.type !== "done") yield step(progress);
		else {
			const { manifest, output } = progress;
			yield {
				type: "outcome",
				bundle: id,
				directory: output,
				digest: manifest.digest,
				files: manifest.files.length,
				size: manifest.files.reduce((sum, { size }) => sum + size, 0),
				warnings: plan.warnings.map(({ message }) => redact(message)),
				required: manifest.variables.filter(({ required }) => required).map(({ name }) => name),
			};
		}
	}
}

function step(progress: Exclude<BundleProgress, { type: "done" }>): BundleEventAnswer {
	if (progress.type === "copying")
		return { type: "progress", phase: "copying", done: progress.files, total: progress.totalFiles, what: null };
	const what = progress.type === "vendoring" ? progress.repository : null;
	return { type: "progress", phase: progress.type, done: 0, total: null, what };
}
