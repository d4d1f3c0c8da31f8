import type { DocumentPath } from "./diagnostic.ts";
export interface VariableUse {
	readonly name: string;
	readonly path: DocumentPath;
	readonly defaultText?: string;
	readonly state: "set" | "default" | "unset";
	readonly whole: boolean;
	readonly range: readonly [number, number];
}
export interface InterpolationResult {
	readonly value: unknown;
	readonly uses: readonly VariableUse[];
	readonly malformed: readonly { path: DocumentPath; text: string; range: readonly [number, number] }[];
}
export function interpolateEnv(value: unknown, env: Readonly<Record<string, string | undefined>>): InterpolationResult {
	const uses: VariableUse[] = [];
	const walk = (v: unknown, path: DocumentPath): unknown => {
		if (typeof v === "string")
			return v.includes("${{")
				? v.replace(
						/\$\{\{\s*([A-Za-z_]\w*)\s*(?::-(.*?))?\}\}/gs,
						(m, name: string, d: string | undefined, o: number) => {
							const set = env[name] ? env[name] : undefined;
							uses.push({
								name,
								path,
								...(d === undefined ? {} : { defaultText: d.trim() }),
								state: set !== undefined ? "set" : d !== undefined ? "default" : "unset",
								whole: m === v,
								range: [o, o + m.length],
							});
							return set ?? d?.trim() ?? m;
						},
					)
				: v;
		if (Array.isArray(v)) {
			let c = false;
			const r = v.map((x, i) => {
				const y = walk(x, [...path, i]);
				if (y !== x) c = true;
				return y;
			});
			return c ? r : v;
		}
		if (typeof v === "object" && v !== null) {
			let c = false;
			const r: Record<string, unknown> = {};
			for (const [k, x] of Object.entries(v)) {
				r[k] = walk(x, [...path, k]);
				if (r[k] !== x) c = true;
			}
			return c ? r : v;
		}
		return v;
	};
	return { value: walk(value, []), uses, malformed: [] };
}
export function referenceScalar(text: string): boolean | number | undefined {
	if (text === "true" || text === "false") return text === "true";
	return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
