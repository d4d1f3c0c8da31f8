import { join } from "node:path";
import {
	AgentvError,
	agentvHome,
	type BundleManifest,
	type BundleProgress,
	listDirectory,
	openDiskView,
	planBundle,
	readManifest,
	safeName,
	targetKind,
	writeBundle,
} from "@agentv/core";
import type { FoundEval, StudioOptions } from "./find-eval.ts";
import type { Services } from "./problem.ts";

/** Pages must not choose paths, so bundles go to Studio's own directory. */
function shelf({ env }: Pick<StudioOptions, "env">): string {
	return join(agentvHome(env), "bundles");
}

export type BundleAnswer = ReturnType<typeof findBundle>;

export function listBundles(options: StudioOptions) {
	return listDirectory(shelf(options)).flatMap((name) => readBundle(name, options) ?? []);
}

/** @throws AgentvError `not-found` */
export function findBundle(id: string, options: StudioOptions) {
	const bundle = listDirectory(shelf(options)).includes(id) ? readBundle(id, options) : undefined;
	if (!bundle) throw new AgentvError("not-found", "bundle not found", { hint: "It may have been moved or deleted." });
	return bundle;
}

function readBundle(id: string, options: StudioOptions) {
	const directory = join(shelf(options), id);
	if (id.startsWith(".") || targetKind(join(directory, "manifest.json")) !== "file") return undefined;
	try {
		const manifest = readManifest(directory);
		return { id, directory, eval: manifest.source.eval, created_at: manifest.createdAt, ...contents(manifest) };
	} catch (error) {
		// Not a bundle, or no longer one.
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

function contents({ digest, files }: BundleManifest) {
	return { digest, files: files.length, size: files.reduce((sum, { size }) => sum + size, 0) };
}

interface BundleChoices {
	readonly name?: string | undefined;
	readonly targets?: readonly string[] | undefined;
	readonly capture_env?: boolean | undefined;
	readonly pin?: boolean | undefined;
	readonly vendor_repos?: boolean | undefined;
	readonly include?: readonly string[] | undefined;
	readonly allow_secrets?: readonly string[] | undefined;
}

export type BundleEvent = ReturnType<typeof makeBundle> extends AsyncGenerator<infer Event> ? Event : never;

/** @throws AgentvError */
export async function* makeBundle(
	{ file, path }: FoundEval,
	choices: BundleChoices,
	{ options, redact }: Services,
	signal: AbortSignal,
) {
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
				type: "outcome" as const,
				bundle: id,
				directory: output,
				...contents(manifest),
				warnings: plan.warnings.map(({ message }) => redact(message)),
				/** Must be set to run it. */
				required: manifest.variables.filter(({ required }) => required).map(({ name }) => name),
			};
		}
	}
}

function step(progress: Exclude<BundleProgress, { type: "done" }>) {
	const isCopying = progress.type === "copying";
	return {
		type: "progress" as const,
		phase: progress.type,
		done: isCopying ? progress.files : 0,
		/** Null if unknown. */
		total: isCopying ? progress.totalFiles : null,
		what: progress.type === "vendoring" ? progress.repository : null,
	};
}
