import { resolve } from "node:path";
import { type BundleManifest, formatBytes, readManifest, renderManifest, terminalSafe } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";

export async function bundleInspect(
	directory: string,
	options: { readonly json?: boolean },
	context: Context,
): Promise<CommandResult> {
	const manifest = readManifest(resolve(context.cwd, directory));
	const text = options.json ? [...renderManifest(manifest)].join("") : `${describe(manifest).join("\n")}\n`;
	return { text: options.json ? text : terminalSafe(text), exitCode: 0 };
}

function describe(manifest: BundleManifest): string[] {
	const { source, requires, digest, files } = manifest;
	const commit =
		source.commit === null ? "" : ` at ${source.commit.slice(0, 12)}${source.dirty ? " with local changes" : ""}`;
	const rows: [string, string][] = [
		["eval", source.eval],
		["source", `${source.remote ?? "no remote"}${source.branch === null ? "" : `, branch ${source.branch}`}${commit}`],
		["made", `${manifest.createdAt} by agentv ${manifest.agentvVersion}`],
		["flags", manifest.flags.join(" ")],
		["digest", digest],
		["files", `${files.length}, ${formatBytes(files.reduce((sum, file) => sum + file.size, 0))}`],
		["targets", manifest.targets.map(target).join("; ")],
		["variables", manifest.variables.map(variable).join(", ")],
		["repositories", manifest.repos.map(repository).join("; ")],
		["programs", requires.executables.join(", ")],
		["packages", requires.packages.join(", ")],
	];
	if (source.benchmark !== null)
		rows.splice(2, 0, [
			"benchmark",
			`${source.benchmark.id}${source.benchmark.revision === null ? "" : ` at ${source.benchmark.revision.slice(0, 12)}`}`,
		]);
	return rows.filter(([, value]) => value !== "").map(([name, value]) => `${name.padEnd(13)}${value}`);
}

function target({ name, via }: BundleManifest["targets"][number]): string {
	const way = via.slice(1).map((hop, index) => {
		const by = via[index]?.chosenBy ?? [];
		return `→ ${hop.name}${by.length === 0 ? "" : ` (chosen by ${by.join(", ")})`}`;
	});
	return [name, ...way].join(" ");
}

function variable({ name, required, captured }: BundleManifest["variables"][number]): string {
	return `${name}${required ? " (required)" : captured ? " (captured)" : ""}`;
}

function repository({ path, repo, requested, sha, vendored }: BundleManifest["repos"][number]): string {
	const commit = sha === null ? `${requested ?? "default branch"}, not pinned` : sha.slice(0, 12);
	return `${path || "."} from ${repo} at ${commit}${vendored === null ? "" : `, in ${vendored}`}`;
}
