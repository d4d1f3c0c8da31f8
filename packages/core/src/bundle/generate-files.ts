import type { LoadedEval } from "../eval/eval-types.ts";
import { placeBelow } from "../eval/source.ts";
import type { BundleVariable } from "../format/bundle-manifest.ts";
import type { Place } from "../lib/errors.ts";
import { createRedactor, redactText, secretsOf } from "../lib/redact.ts";
import { isSecretField, isSecretName, redactAddress } from "../lib/secret-shapes.ts";
import { type ReferenceToken, scanReferences } from "../lib/template-text.ts";
import type { Environment } from "../machine/environment.ts";
import { type ComposedEval, composeEval, flattenTarget } from "./compose-eval.ts";
import { freeName, isRecord, placeKey, type SuitePlace } from "./layout.ts";
import type { RawValues, TargetSelection } from "./load-source.ts";
import { patchYaml, printJson, printYaml, WrittenNumber } from "./print-yaml.ts";
import { type RewriteInput, Rewriter } from "./rewriter.ts";

interface GenerateInput {
	readonly loaded: LoadedEval;
	readonly selection: TargetSelection;
	/** Names from `--target`. */
	readonly chosen: readonly string[];
	readonly rewrite: RewriteInput;
	/** Returns whether something is copied to a bundle path. */
	readonly isCopied: (path: string) => boolean;
	/** For `--capture-env`: whose values become defaults. */
	readonly env: Environment | undefined;
}

interface GeneratedFiles {
	/** By bundle path. */
	readonly texts: ReadonlyMap<string, string>;
	readonly variables: BundleVariable[];
}

/** Generates `eval.yaml`, `targets.yaml`, imported suites and large test data. */
export function generateFiles(input: GenerateInput): GeneratedFiles {
	const { loaded, selection, chosen, rewrite, isCopied, env } = input;
	const values = new Map<string, unknown>();
	const suites = new Map<string, { suite: SuitePlace; composed: ComposedEval }>();
	const rows = new Set<string>();
	const freePath = (wanted: string) => {
		const path = freeName(wanted, (taken) => rows.has(taken) || values.has(taken) || isCopied(taken));
		rows.add(path);
		return path;
	};
	for (const suite of rewrite.suites.values()) {
		const tests = loaded.tests.filter((test) => test.suite.file === suite.file);
		const composed = composeEval({ rewrite, loaded, suite, tests, chosen, freePath });
		suites.set(suite.bundleFile, { suite, composed });
		values.set(suite.bundleFile, composed.value);
		for (const [path, list] of composed.testFiles) values.set(path, list);
	}
	if (selection.named.size > 0) {
		const rewriter = new Rewriter(rewrite, "");
		values.set("targets.yaml", {
			targets: [...selection.named.values()].map((target) => flattenTarget(target, rewriter)),
		});
	}
	const uses = usesOf(values);
	const captured = env ? capturedVariables(uses, env) : {};
	const texts = [...values].map(([path, value]): [string, string] => {
		const filled = env ? withDefaults(value, captured) : value;
		if (Array.isArray(filled) && rows.has(path)) return [path, filled.map((row) => `${printJson(row)}\n`).join("")];
		const { suite, composed } = suites.get(path) ?? {};
		return [path, suite && composed ? printEval(suite, composed, filled, input) : printYaml(filled)];
	});
	const names = [...uses].sort(([a], [b]) => (a < b ? -1 : 1));
	const variables = names.map(([name, { usedIn, required }]) => {
		const isCaptured = captured[name] !== undefined;
		return { name, usedIn: [...usedIn].sort(), captured: isCaptured, required: required && !isCaptured };
	});
	return { texts: new Map(texts), variables };
}

function printEval(
	suite: SuitePlace,
	{ testsKey, origins }: ComposedEval,
	value: unknown,
	{ loaded, rewrite }: GenerateInput,
): string {
	const source = loaded.sources.get(suite.file);
	const before = rewrite.raw.document(suite.file);
	if (!source?.document || source.document.value !== before) return printYaml(value);
	return patchYaml(source.text, before, value, { [testsKey]: origins });
}

/** Yields targets selected by a variable, by `placeKey`: the current selection is kept. */
export function* chosenNames({ choices }: TargetSelection, raw: RawValues): Generator<[string, string]> {
	const settle = function* (at: Place, name: unknown): Generator<[string, string]> {
		const written = raw.at(at);
		if (typeof written === "string" && written.includes("${{") && typeof name === "string") yield [placeKey(at), name];
	};
	for (const choice of choices) {
		if (!("inline" in choice)) yield* settle(choice.at, choice.name);
		else for (const key of ["extends", "use_target"]) yield* settle(placeBelow(choice.at, key), choice.inline[key]);
	}
}

/** How a bundle's files use a variable. */
interface VariableUse {
	readonly usedIn: Set<string>;
	/** Whether a use has no default. */
	required: boolean;
	/** Whether a use is secret: under `api_key`, a header, the user part of a URL. */
	isSecret: boolean;
}

function usesOf(files: ReadonlyMap<string, unknown>): ReadonlyMap<string, VariableUse> {
	const uses = new Map<string, VariableUse>();
	const collect = (file: string, value: unknown, isSecret: boolean): void => {
		if (typeof value === "string") {
			for (const { name, defaultText, shows } of variablesIn(value)) {
				const use = uses.get(name) ?? { usedIn: new Set(), required: false, isSecret: false };
				use.usedIn.add(file);
				use.required ||= defaultText === undefined;
				use.isSecret ||= isSecret || isSecretName(name) || !shows;
				uses.set(name, use);
			}
		} else if (Array.isArray(value)) for (const item of value) collect(file, item, isSecret);
		else if (isRecord(value))
			for (const [key, item] of Object.entries(value)) collect(file, item, isSecret || isSecretField(key));
	};
	for (const [file, value] of files) collect(file, value, false);
	return uses;
}

type VariableToken = Extract<ReferenceToken, { kind: "reference" }>;

function referencesIn(text: string): VariableToken[] {
	return text.includes("${{") ? scanReferences(text).filter((token) => token.kind === "reference") : [];
}

/** Replaces references; undefined keeps one as written. */
function replaceReferences(text: string, replace: (token: VariableToken, index: number) => string | undefined): string {
	let result = "";
	let done = 0;
	for (const [index, token] of referencesIn(text).entries()) {
		const [start, end] = token.range;
		result += text.slice(done, start) + (replace(token, index) ?? text.slice(start, end));
		done = end;
	}
	return result + text.slice(done);
}

/** Returns the variables of a text, and whether redaction would show their values. */
function variablesIn(text: string): (VariableToken & { readonly shows: boolean })[] {
	const tokens = referencesIn(text);
	if (tokens.length === 0) return [];
	// A value that is redacted wherever a secret would be.
	const standIn = (index: number) => `Zq${index}x7Kd2Lm4Vt`;
	const shown = redactAddress(redactText(replaceReferences(text, (_, index) => standIn(index))));
	return tokens.map((token, index) => ({ ...token, shows: shown.includes(standIn(index)) }));
}

/**
 * Returns the variables that `--capture-env` writes into a bundle: those in its files, except
 * secrets and values that a default can't represent.
 */
function capturedVariables(uses: ReadonlyMap<string, VariableUse>, env: Environment): Environment {
	const secret = [...uses].flatMap(([name, { isSecret }]) => (isSecret ? (env[name] ?? []) : []));
	const redact = createRedactor([...secretsOf(env), ...secret]);
	const isCapturable = (value: string) =>
		value !== "" && redact(value) === value && value === value.trim() && !/[\r\n]|\}\}/.test(value);
	return Object.fromEntries(
		[...uses].flatMap(([name, { isSecret }]) => {
			const value = Object.hasOwn(env, name) && !isSecret ? env[name] : undefined;
			return value !== undefined && isCapturable(value) ? [[name, value]] : [];
		}),
	);
}

/** Adds current values as defaults to `${{ VAR }}` references. */
function withDefaults(value: unknown, captured: Environment): unknown {
	if (typeof value === "string")
		return replaceReferences(value, ({ name }) => {
			const current = captured[name];
			return current === undefined ? undefined : `\${{ ${name}:-${current} }}`;
		});
	if (Array.isArray(value)) return value.map((item) => withDefaults(item, captured));
	if (!isRecord(value) || value instanceof WrittenNumber) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDefaults(item, captured)]));
}
