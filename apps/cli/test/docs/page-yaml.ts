import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadEval, openDiskView } from "@agentv/core";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { parseDocument } from "yaml";
import { type Block, root } from "./markdown-page.ts";

interface Schema {
	readonly properties?: Record<string, Schema>;
	readonly deprecated?: boolean;
	readonly [key: string]: unknown;
}

export function schemaOf(format: string): Schema {
	return JSON.parse(readFileSync(join(root, `docs/schemas/${format}.schema.json`), "utf8")) as Schema;
}

/** Returns the names of all fields in a schema at any depth, except deprecated ones. */
export function fieldsOf(schema: unknown, found: Set<string> = new Set()): Set<string> {
	if (typeof schema !== "object" || schema === null) return found;
	if (Array.isArray(schema)) {
		for (const part of schema) fieldsOf(part, found);
		return found;
	}
	const { properties, ...rest } = schema as Schema;
	for (const [name, field] of Object.entries(properties ?? {})) {
		if (isOlder(field)) continue;
		found.add(name);
		fieldsOf(field, found);
	}
	for (const [key, part] of Object.entries(rest)) if (key !== "enum" && key !== "required") fieldsOf(part, found);
	return found;
}

function isOlder(field: Schema): boolean {
	const ways = Array.isArray(field["anyOf"]) ? (field["anyOf"] as Schema[]) : [];
	return field.deprecated === true || ways.some(isOlder);
}

type Kind = "eval" | "targets" | "benchmarks" | "config" | "elsewhere";

const evalFields = new Set(Object.keys(schemaOf("eval").properties ?? {}));
/**
 * Keys by which files of other tools are recognised, such as workflows, pipelines and pre-commit
 * hooks.
 */
const elsewhere = ["jobs", "steps", "permissions", "repos", "apiVersion", "services", "stages", "script", "on"];

/**
 * Returns the kind of a YAML block and its document; a list of tests or assertions is wrapped in an
 * eval.
 */
export function kindOf(block: Block): { kind: Kind; value: unknown } | undefined {
	const document = parseDocument(block.text);
	if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join("\n"));
	const value: unknown = document.toJS();
	if (Array.isArray(value)) return listKind(value);
	if (typeof value !== "object" || value === null) return undefined;
	const keys = Object.keys(value);
	const targets = (value as { targets?: unknown }).targets;
	if (keys.includes("benchmarks")) return { kind: "benchmarks", value };
	if (keys.includes("validate")) return { kind: "config", value };
	if (keys.length === 1 && Array.isArray(targets) && typeof targets[0] === "object") return { kind: "targets", value };
	if (keys.every((key) => evalFields.has(key))) return { kind: "eval", value };
	if (keys.some((key) => elsewhere.includes(key) || scripted(value, key))) return { kind: "elsewhere", value };
	return undefined;
}

function listKind(list: readonly unknown[]): { kind: Kind; value: unknown } | undefined {
	const has = (key: string) => list.some((one) => typeof one === "object" && one !== null && key in one);
	if (has("uses") || has("run")) return { kind: "elsewhere", value: list };
	if (has("id")) return { kind: "eval", value: { tests: list } };
	return has("type") || has("include") ? { kind: "eval", value: { assertions: list } } : undefined;
}

/** Returns whether the value is a GitLab job, which may have any name. */
function scripted(value: object, key: string): boolean {
	const job = (value as Record<string, unknown>)[key];
	return typeof job === "object" && job !== null && "script" in job;
}

const compiled = new Map<string, ValidateFunction>();

function validatorOf(format: string): ValidateFunction {
	let validate = compiled.get(format);
	if (!validate) {
		validate = new Ajv2020({ strict: false, allErrors: true }).compile(schemaOf(format));
		compiled.set(format, validate);
	}
	return validate;
}

const targetFields = fieldsOf(schemaOf("targets"));

/** Returns schema errors, and for targets also the settings that no provider has. */
export function schemaProblems(kind: Kind, value: unknown): string[] {
	if (kind === "elsewhere") return [];
	const validate = validatorOf(kind);
	if (!validate(value)) return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
	if (kind !== "targets") return [];
	const { targets } = value as { targets: Record<string, unknown>[] };
	return targets.flatMap((target) =>
		Object.keys(target).flatMap((key) => (targetFields.has(key) ? [] : [`${target.name}: unknown setting ${key}`])),
	);
}

/**
 * Loads the eval in `file` and returns its diagnostics, except those for files that a page only
 * names.
 */
export function loadingProblems(file: string, cwd: string): string[] {
	const { diagnostics } = loadEval(file, { view: openDiskView(), env: {}, cwd });
	return diagnostics
		.filter(({ rule, data }) => rule !== "path.missing" && !(rule === "assertions.unknown-type" && isCustom(data)))
		.map(({ rule, message }) => `${rule}: ${message}`);
}

/** The page shows the file of this custom type. */
function isCustom({ type }: Readonly<Record<string, unknown>>): boolean {
	return type === "word-count";
}
