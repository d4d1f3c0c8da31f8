import { fileURLToPath } from "node:url";
import type { RunReporter } from "../output/run-report.ts";
import type { ValidationReporter } from "../output/validate.ts";
import type { ExportedRun, RunExport } from "./export.ts";

// Loaded on demand; the names are the choices of each command's option.

export const validationFormats = {
	text: async () => (await import("../output/validate.ts")).validateText,
	json: async () => (await import("../output/validate.ts")).validateJson,
	sarif: async () => (await import("./validate-formats.ts")).validateSarif,
	github: async () => (await import("./validate-formats.ts")).validateGithub,
	junit: async () => (await import("./validate-formats.ts")).validateJunit,
} satisfies Readonly<Record<string, () => Promise<ValidationReporter>>>;

export const runReporters = {
	text: async () => (await import("../output/run.ts")).runText,
	json: async () => (await import("./junit.ts")).runJson,
	junit: async () => (await import("./junit.ts")).runJunit,
	github: async () => (await import("./junit.ts")).runGithub,
} satisfies Readonly<Record<string, () => Promise<RunReporter>>>;

export const exportFormats = {
	junit: async () => (await import("./export.ts")).exportJunit,
	json: async () => (await import("./export.ts")).exportJson,
	jsonl: async () => (await import("./export.ts")).exportJsonl,
	html: async () => {
		const { exportRun } = await import("@agentv/studio/export");
		return (run: ExportedRun) => exportRun(run, fileURLToPath(new URL("./studio", import.meta.url)));
	},
	markdown: async () => (await import("./export.ts")).exportMarkdown,
} satisfies Readonly<Record<string, () => Promise<RunExport>>>;

export const matrixFormats = ["github", "k8s", "lines"] as const;
