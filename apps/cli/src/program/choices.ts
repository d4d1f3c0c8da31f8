// Option values, for the parser and the commands. A file of their own, so that the parser doesn't
// load the implementations.

export const runReporters = ["text", "json", "junit", "github"] as const;
export type RunReporterName = (typeof runReporters)[number];

export const validationFormats = ["text", "json", "sarif", "github", "junit"] as const;
export type ValidationFormat = (typeof validationFormats)[number];

export const exportFormats = ["junit", "json", "jsonl", "html", "markdown"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const matrixFormats = ["github", "k8s", "lines"] as const;
export type MatrixFormat = (typeof matrixFormats)[number];
