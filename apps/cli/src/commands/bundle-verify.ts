import { resolve } from "node:path";
import { type BundleVerification, listBundle, readManifest, terminalSafeLine, verifyBundle } from "@agentv/core";
import { shown } from "../bundle/bundle-text.ts";
import type { CommandResult, Context } from "../context.ts";
import { type Colors, colorsFor } from "../terminal/colors.ts";

interface VerifyOptions {
	readonly list?: boolean;
	readonly json?: boolean;
}

export async function bundleVerify(
	directory: string,
	options: VerifyOptions,
	context: Context,
): Promise<CommandResult> {
	const root = resolve(context.cwd, directory);
	if (options.list) return { text: listBundle(readManifest(root)), exitCode: 0 };
	const verification = await verifyBundle(root, { signal: context.signal });
	const exitCode = verification.ok ? 0 : 1;
	if (options.json) {
		const { ok, problems, replacedLinks, manifest } = verification;
		const result = {
			ok,
			digest: manifest.digest,
			files: manifest.files.length,
			problems,
			replaced_links: replacedLinks,
		};
		return { text: `${JSON.stringify(result, null, 2)}\n`, exitCode };
	}
	return {
		text: `${forPeople(verification, shown(root, context.cwd), colorsFor(context.stdout)).join("\n")}\n`,
		exitCode,
	};
}

function forPeople(
	{ ok, manifest, problems, replacedLinks }: BundleVerification,
	name: string,
	colors: Colors,
): string[] {
	const links = replacedLinks.map((path) =>
		terminalSafeLine(
			`  ${path} was a link and is now a copy with the same contents (extracted from an archive without links?)`,
		),
	);
	if (ok) {
		const files = `${manifest.files.length} files match the manifest`;
		return [`${colors.green("✓")} ${name}: ${files}`, ...links, `  digest ${manifest.digest}`];
	}
	const count = problems.length === 1 ? "one problem" : `${problems.length} problems`;
	return [
		`${colors.red("✗")} ${name} does not match its manifest: ${count}`,
		...problems.map(({ path, message }) => terminalSafeLine(`  ${path} ${message}`)),
		...links,
	];
}
