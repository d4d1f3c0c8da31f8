// The names that options take: the parser offers them, and the commands have a file for each. They stand apart, so that
// naming them loads nothing.

export const runReporters = ["text", "json", "junit", "github"] as const;
export type RunReporterName = (typeof runReporters)[number];

export const validationFormats = ["text", "json", "sarif", "github", "junit"] as const;
export type ValidationFormat = (typeof validationFormats)[number];

export const exportFormats = ["junit", "json", "jsonl", "html", "markdown"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const matrixFormats = ["github", "k8s", "lines"] as const;
export type MatrixFormat = (typeof matrixFormats)[number];
