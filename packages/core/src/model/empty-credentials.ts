import { type Diagnostic, type DocumentPath, type FindingKind, finding } from "../base/diagnostic.ts";
import { isSecretName } from "../base/secret-names.ts";
import type { LoadedEval } from "./eval-types.ts";
import type { TargetScope } from "./load-targets.ts";
import { type ResolvedTarget, variablesAt } from "./resolve-target.ts";
import { evalVariables } from "./run-variables.ts";
import { child } from "./source.ts";

/** An empty credential or address; with the variable's name if there is one. */
export const emptyCredential: FindingKind<{ setting: string; name?: string; target?: string }> = {
	rule: "targets.empty-credential",
	severity: "error",
	message: ({ setting, name, target }) => {
		const of = target === undefined ? "" : ` of target ${JSON.stringify(target)}`;
		return name === undefined
			? `\`${setting}\`${of} is empty`
			: `\`${setting}\`${of} is empty: variable ${name} is set to ""`;
	},
	hint: ({ name }) =>
		name === undefined
			? "use a variable with its value, or remove the setting"
			: `set ${name}, or write \${{ ${name}:-}} if it may be empty`,
};

type Sources = Pick<TargetScope, "sources">;

/**
 * Returns the credential and address settings of a target that are empty. An empty default
 * (`${{ KEY:-}}`) is intended.
 * @param scope the files that the settings are written in
 */
export function emptyCredentials(target: ResolvedTarget, scope: Sources): Diagnostic[] {
	const found: Diagnostic[] = [];
	for (const [key, layer] of target.origin) {
		// A fixed response is not a setting.
		if (key === "response" || key === "responses") continue;
		const visit = (value: unknown, path: readonly [string, ...(string | number)[]]): void => {
			if (typeof value === "object" && value !== null) {
				for (const [inner, item] of Object.entries(value))
					visit(item, [...path, Array.isArray(value) ? Number(inner) : inner]);
				return;
			}
			if (typeof value !== "string") return;
			const { at } = child(layer.part, ...path);
			const variables = variablesAt(at, scope);
			const isNamed = holdsCredential(path);
			const empty = variables.find((one) => one.isEmpty === true && (isNamed || isSecretName(one.name)));
			const shared = { setting: shown(path), target: target.name };
			if (empty) found.push(finding(emptyCredential, { ...shared, name: empty.name }, at));
			// A variable for a program's environment may be empty on purpose.
			else if (isNamed && value.trim() === "" && variables.length === 0 && path[0] !== "env")
				found.push(finding(emptyCredential, shared, at));
		};
		visit(target.wire[key], [key]);
	}
	return found;
}

/** Returns the empty secrets in an eval's own fields (its workspace's variables, repositories). */
export function emptyEvalCredentials(loaded: LoadedEval): Diagnostic[] {
	return evalVariables(loaded)
		.filter(({ name, isEmpty }) => isEmpty === true && isSecretName(name))
		.map(({ name, at }) => finding(emptyCredential, { setting: shown(at.path ?? []), name }, at));
}

const addresses: ReadonlySet<string> = new Set(["base_url", "endpoint"]);

function holdsCredential(path: DocumentPath): boolean {
	return path.some(
		(key) => typeof key === "string" && (isSecretName(key) || addresses.has(key) || /^authorization$/i.test(key)),
	);
}

function shown(path: DocumentPath): string {
	return path
		.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
		.join("")
		.replace(/^\./, "");
}
