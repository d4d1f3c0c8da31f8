import { type Diagnostic, type FindingKind, finding } from "../../base/diagnostic.ts";

const unknownImport: FindingKind<{ what: string }> = {
	rule: "scripts.unknown-import",
	severity: "warning",
	message: ({ what }) => `${what}: the files it needs can't be determined`,
	hint: () => "list the files it needs under `bundle.include`, or with --include",
};

const missingImport: FindingKind<{ specifier: string }> = {
	rule: "scripts.missing-import",
	severity: "warning",
	message: ({ specifier }) => `the script imports ${JSON.stringify(specifier)}, which does not exist`,
};

export function importUnknown(file: string, line: number, what: string): Diagnostic {
	return finding(unknownImport, { what }, { file, line });
}

export function importMissing(file: string, line: number, specifier: string): Diagnostic {
	return finding(missingImport, { specifier }, { file, line });
}
