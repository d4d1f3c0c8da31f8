import { relative } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { redactText } from "../base/redact.ts";
import { isSecretName } from "../base/secret-names.ts";
import type { Environment } from "../io/environment.ts";
import { digestText } from "../io/files/digest-tree.ts";
import { FileDigests } from "../io/files/file-digests.ts";
import { realPath } from "../io/files/stat-path.ts";
import { type DiskView, openDiskView } from "../model/disk-view.ts";
import { evalEnvironment, withEnvFile } from "../model/eval-environment.ts";
import type { Reach } from "../model/eval-scope.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { loadEval } from "../model/load-eval.ts";
import { loadTargets, type TargetScope } from "../model/load-targets.ts";
import { evalVariables } from "../model/run-variables.ts";
import { ownLinks } from "../model/trust-subjects.ts";
import { refuseRecordedFiles } from "./recorded-files.ts";
import type { PlannedEval } from "./run-plan.ts";
import type { RunMachine, RunRequest } from "./run-request.ts";

/** An eval with everything that planning looks at. */
export interface ObservedEval {
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly planned: PlannedEval;
}

export interface Observed {
	readonly evals: readonly ObservedEval[];
	readonly view: DiskView;
	/** Values of `--env-file` laid under the process environment. */
	readonly env: Environment;
}

/**
 * Loads the evals of a request and their targets.
 * @throws AgentvError `config` with all findings if one can't be loaded whole: a test is never left out; `usage` if a record names
 * files that the user must name
 */
export function observeRun(request: RunRequest, { env: processEnv, cwd }: RunMachine): Observed {
	const view = openDiskView();
	refuseRecordedFiles(request, cwd, view);
	const reach: Reach = {
		allowed: [
			...(request.allowOutside ?? []).map((path) => realPath(path)),
			...ownLinks(request.named ?? [], processEnv, view),
		],
		ownFiles:
			request.targetsFile === undefined || request.recorded?.options.includes("targetsFile")
				? []
				: [request.targetsFile],
		option: "--allow-outside",
	};
	const env = withEnvFile(processEnv, request.envFile);
	const loaded = request.evals.map((file) => loadEval(file, { view, env, cwd, reach }));
	const broken = loaded.flatMap(({ diagnostics }) => diagnostics.filter(({ severity }) => severity === "error"));
	if (broken.length > 0) throw cannotLoad(broken);
	const labels = labelsOf(loaded, cwd);
	const evals = loaded.map((one, index): ObservedEval => {
		const own = evalEnvironment(one.scope, env, view);
		const targets = loadTargets(one.scope, {
			view,
			env: own,
			...(request.targetsFile === undefined ? {} : { targetsFile: request.targetsFile }),
		});
		return { loaded: one, targets, planned: plannedEval(one, labels[index] ?? one.file, own) };
	});
	return { evals, view, env };
}

function cannotLoad(diagnostics: readonly Diagnostic[]): AgentvError {
	const files = new Set(diagnostics.map(({ at }) => at.file));
	const where = files.size === 1 ? [...files][0] : `${files.size} files`;
	return new AgentvError("config", `${where} can't be loaded`, {
		diagnostics,
		hint: "Nothing was run. `agentv eval validate` shows all findings.",
	});
}

function plannedEval(loaded: LoadedEval, label: string, env: Environment): PlannedEval {
	const { file, name, scope, workers, budgetUsd, experiment } = loaded;
	return {
		...{ label, file, name, scope, env, workers, budgetUsd, experiment, bundle: loaded.bundle },
		digest: sourcesDigest(loaded),
		sources: sourcesOf(loaded),
		variables: variablesOf(loaded, env),
	};
}

function sourcesOf({ sources, files }: LoadedEval): PlannedEval["sources"] {
	const texts = [...sources].map(([path, { text }]) => ({ path, sha256: digestText(text) }));
	// A prompt file is text, not a document.
	const prompts = new Set(files.filter(({ kind }) => kind === "prompt").map(({ resolved }) => resolved));
	const digests = new FileDigests();
	return [...texts, ...[...prompts].map((path) => ({ path, sha256: digests.of(path) }))];
}

function variablesOf(loaded: LoadedEval, env: Environment): PlannedEval["variables"] {
	const names = new Set(evalVariables(loaded).map(({ name }) => name));
	return Object.fromEntries(
		[...names].flatMap((name) => {
			const value = env[name];
			return value === undefined || isSecretName(name) || redactText(value) !== value
				? []
				: [[name, digestText(value).slice(0, 16)]];
		}),
	);
}

/** Over the texts that loading read, in the order it read them. */
function sourcesDigest({ sources }: LoadedEval): string {
	return digestText([...sources.values()].map(({ text }) => digestText(text)).join("\n"));
}

/** What rows call each eval: its path from its root; from the working directory where two would have one name. */
function labelsOf(loaded: readonly LoadedEval[], cwd: string): string[] {
	const short = loaded.map(({ file, scope }) => slashes(relative(scope.root, file)));
	return short.map((label, index) => {
		const file = loaded[index]?.file ?? label;
		return short.indexOf(label) === short.lastIndexOf(label) ? label : slashes(relative(cwd, file));
	});
}

function slashes(path: string): string {
	return path.replaceAll("\\", "/");
}
