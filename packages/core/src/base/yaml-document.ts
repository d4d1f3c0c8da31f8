import { isNode, isPair, LineCounter, type Node, parseDocument } from "yaml";
import { type Diagnostic, type DocumentPath, finding, type Place } from "./diagnostic.ts";
export interface SourceRange {
	readonly start: { line: number; column: number; offset: number };
	readonly end: { line: number; column: number; offset: number };
}
export interface YamlDocument {
	readonly file: string;
	readonly text: string;
	readonly value: unknown;
	readonly diagnostics: readonly Diagnostic[];
	locate(place: Place): SourceRange | undefined;
	sourceText(path: DocumentPath): string | undefined;
}
export function parseYaml(text: string, file: string): YamlDocument {
	const lc = new LineCounter();
	const doc = parseDocument(text, { lineCounter: lc, merge: true });
	const pos = (o: number) => {
		const p = lc.linePos(o);
		return { line: p.line, column: p.col, offset: o };
	};
	const node = (path: DocumentPath): Node | undefined => {
		const n = doc.getIn(path as unknown[], true);
		return isNode(n) ? n : undefined;
	};
	void isPair;
	return {
		file,
		text,
		value: doc.errors.length ? undefined : doc.toJS({ maxAliasCount: -1 }),
		diagnostics: doc.errors.map((e) =>
			finding({ rule: "yaml.syntax", severity: "error", message: () => e.message }, {}, { file, range: e.pos }),
		),
		locate: (place) => {
			const r = place.range ?? node(place.path ?? [])?.range ?? undefined;
			return r ? { start: pos(r[0]), end: pos(r[1]) } : undefined;
		},
		sourceText: (path) => {
			const n = node(path);
			return n?.range ? text.slice(n.range[0], n.range[1]) : undefined;
		},
	};
}
