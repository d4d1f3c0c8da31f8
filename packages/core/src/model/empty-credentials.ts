import { type Diagnostic, type DocumentPath, type FindingKind, finding } from "../base/diagnostic.ts";
import { isSecretName } from "../base/secret-names.ts";
import type { LoadedEval } from "./eval-types.ts";
import type { TargetScope } from "./load-targets.ts";
import { type ResolvedTarget, variablesAt } from "./resolve-target.ts";
import { evalVariables } from "./run-variables.ts";
import { child } from "./source.ts";

/** A credential, or the address that it goes to, that is empty; by a variable if one is named. */
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
			? "name a variable that holds it, or leave the setting out"
			: `give ${name} its value, or write \${{ ${name}:-}} if it may be empty`,
};

type Sources = Pick<TargetScope, "sources">;

/**
 * Returns the settings of a target that hold a credential or an address and are empty. A default that is empty
 * (`${{ KEY:-}}`) is meant so.
 * @param scope the files that the settings are written in
 */
export function emptyCredentials(target: ResolvedTarget, scope: Sources): Diagnostic[] {
	const found: Diagnostic[] = [];
	for (const [key, layer] of target.origin) {
		// A fixed answer is not a setting, whatever test it is for.
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
			// A variable that a program's environment is to have may be emptied on purpose.
			else if (isNamed && value.trim() === "" && variables.length === 0 && path[0] !== "env")
				found.push(finding(emptyCredential, shared, at));
		};
		visit(target.wire[key], [key]);
	}
	return found;
}

/** The secrets that an eval's own fields (its workspace's variables, repositories) name, and that are empty. */
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
