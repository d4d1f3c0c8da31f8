import { relative, sep } from "node:path";
import {
	type Content,
	ContentPrints,
	type FileVersion,
	includedFiles,
	type Print,
	type Recipe,
} from "../eval/content.ts";
import { type TestCase, withTurns } from "../eval/eval-types.ts";
import { Fingerprinter, type PinnedRepository } from "../eval/fingerprint.ts";
import { type Fingerprint, fingerprintParts, type RowError } from "../format/run-file.ts";
import { gradingOf, modelOf } from "../grading/graders/index.ts";
import { createKnownRedactor, type Redactor } from "../lib/redact.ts";
import { isInside } from "../machine/files.ts";
import type { RecordedAttempt } from "./recorded-attempt.ts";
import { allGraders, type PlannedCase, type PlannedEval, type RunOrigin, type RunPlan } from "./run-plan.ts";

export interface Versions {
	readonly fingerprint: Fingerprint;
	/** Digests of the files that the fingerprint covers, by their names in the run's records. */
	readonly files: Readonly<Record<string, string>>;
}

type Part = keyof Fingerprint;
type Prints = Readonly<Record<Part, Print>>;

interface CaseRecipes {
	readonly test: Recipe;
	readonly graders: Recipe;
	readonly last: Map<string, { readonly prints: Prints; readonly versions: Versions }>;
}

/**
 * Computes all fingerprints of a run. Shared inputs are read once; a file that changes during the
 * run is read again, so each result has the versions of its own time.
 * @example
 * const { fingerprint, files } = new Fingerprints(plan).of(plan.cases[0], repositories);
 */
export class Fingerprints {
	readonly names: FileNames;
	readonly #plan: RunPlan;
	readonly #prints: ContentPrints;
	readonly #fingerprinter: Fingerprinter;
	readonly #cases = new Map<PlannedCase, CaseRecipes>();
	readonly #tests = new Map<TestCase, Recipe>();
	readonly #shared = new Map<unknown, Map<string, Recipe>>();
	readonly #declared = new Map<PlannedEval, Content | undefined>();
	readonly #templates = new Map<string, Content | string | undefined>();

	constructor(plan: RunPlan) {
		this.#plan = plan;
		this.names = new FileNames(plan.redact);
		this.#prints = new ContentPrints(plan.view);
		this.#fingerprinter = new Fingerprinter(this.#prints, createKnownRedactor(plan.secrets));
	}

	get parts(): readonly Part[] {
		return this.#plan.origin?.kind === "regrade"
			? fingerprintParts.filter((part) => part !== "target")
			: fingerprintParts;
	}

	/** @param repositories checked-out commits of the case's workspace */
	of(planned: PlannedCase, repositories: readonly PinnedRepository[]): Versions {
		const recipes = this.#recipesOf(planned);
		const prints = this.#printsOf(planned, recipes, repositories);
		const commits = commitsOf(repositories);
		const last = recipes.last.get(commits);
		if (last && fingerprintParts.every((part) => last.prints[part] === prints[part])) return last.versions;
		const versions = this.#versionsOf(prints, planned.eval);
		recipes.last.set(commits, { prints, versions });
		return versions;
	}

	filesOf(planned: PlannedCase): Readonly<Record<Part, readonly FileVersion[]>> {
		const prints = this.#printsOf(planned, this.#recipesOf(planned), []);
		return perPart((part) => prints[part].files);
	}

	begin(planned: PlannedCase): Versions {
		const template = this.#templateOf(planned);
		if (typeof template === "object") template.freeze();
		return this.of(planned, []);
	}

	#recipesOf(planned: PlannedCase): CaseRecipes {
		let recipes = this.#cases.get(planned);
		if (!recipes) {
			const test = this.#tests.get(planned.test) ?? this.#fingerprinter.test(planned.test);
			this.#tests.set(planned.test, test);
			recipes = { test, graders: this.#gradersOf(planned), last: new Map() };
			this.#cases.set(planned, recipes);
		}
		return recipes;
	}

	#printsOf(planned: PlannedCase, own: CaseRecipes, repositories: readonly PinnedRepository[]): Prints {
		const { target, workspace, eval: of } = planned;
		const { scope } = planned.test.suite;
		const key = workspace?.key ?? "";
		const spec = workspace?.spec;
		const make = this.#fingerprinter;
		const around = this.#once(key, `workspace ${commitsOf(repositories)}`, () =>
			make.workspace(spec?.workspace, this.#templateOf(planned), repositories),
		);
		const hooks = this.#once(key, `hooks ${of.label}`, () => {
			const both = [spec?.workspace?.hooks, spec?.targetHooks];
			return make.hooks(both, spec?.extensions ?? [], scope, this.#declaredBy(of));
		});
		const answers = this.#once(target, of.label, () =>
			make.target([target.target, ...target.fallbacks], of.scope, this.#declaredBy(of)),
		);
		const recipes = { test: own.test, graders: own.graders, workspace: around, hooks, target: answers };
		return perPart((part) => recipes[part].print());
	}

	#gradersOf(planned: PlannedCase): Recipe {
		const { test, assertions, threshold, eval: of } = planned;
		const all = withTurns(assertions, test);
		const rest = {
			...{ threshold, preprocessors: test.suite.preprocessors, models: this.#models(planned) },
			declared: this.#declaredBy(of),
		};
		return this.#fingerprinter.graders(all, rest, test.suite.scope, (grader) => gradingOf(grader).version);
	}

	#models(planned: PlannedCase): Recipe[] {
		const { eval: of, target } = planned;
		const needed = allGraders(planned).flatMap((grader) => modelOf(grader) ?? []);
		return needed.flatMap((model) => {
			const judge = this.#plan.graderTarget(of.label, model.target, target.target);
			return judge ? [this.#once(judge, "judge", () => this.#fingerprinter.target([judge], of.scope))] : [];
		});
	}

	#templateOf({ workspace }: PlannedCase): Content | string | undefined {
		if (!workspace) return undefined;
		const { key, spec } = workspace;
		const text = spec.workspace?.template;
		if (!this.#templates.has(key)) this.#templates.set(key, text && this.#prints.template(text, spec.scope));
		return this.#templates.get(key);
	}

	#declaredBy(of: PlannedEval): Content | undefined {
		if (of.bundle.include.length === 0) return undefined;
		if (!this.#declared.has(of)) {
			const { directory } = of.scope;
			const patterns = of.bundle.include.map((pattern) => ({ pattern, at: { file: of.file } }));
			const without = [...of.bundle.exclude, "manifest.json"];
			const { files } = includedFiles(patterns, without, directory, this.#plan.view);
			const others = files.filter((file) => file !== of.file);
			this.#declared.set(of, others.length > 0 ? this.#prints.declared(others, directory) : undefined);
		}
		return this.#declared.get(of);
	}

	#versionsOf(prints: Prints, { scope }: PlannedEval): Versions {
		const files: Record<string, string> = {};
		for (const part of this.parts)
			for (const { path, sha256 } of prints[part].files) files[this.names.of(path, scope.root)] = sha256.slice(0, 32);
		return { fingerprint: perPart((part) => prints[part].digest), files };
	}

	#once(owner: unknown, what: string, make: () => Recipe): Recipe {
		const known = this.#shared.get(owner) ?? new Map<string, Recipe>();
		this.#shared.set(owner, known);
		const made = known.get(what) ?? make();
		known.set(what, made);
		return made;
	}
}

function perPart<Value>(read: (part: Part) => Value): Record<Part, Value> {
	const values = fingerprintParts.map((part) => [part, read(part)]);
	return Object.fromEntries(values) as Record<Part, Value>;
}

function commitsOf(repositories: readonly PinnedRepository[]): string {
	return repositories.map(({ path, sha }) => `${path} ${sha}`).join();
}

/** Relative to the eval's root; absolute if that is ambiguous or the file is outside. */
class FileNames {
	readonly #redact: Redactor;
	readonly #names = new Map<string, string>();
	readonly #paths = new Map<string, string>();

	constructor(redact: Redactor) {
		this.#redact = redact;
	}

	/** @param path absolute */
	of(path: string, root: string): string {
		const known = this.#names.get(path);
		if (known !== undefined) return known;
		const short = isInside(root, path) ? relative(root, path).split(sep).join("/") || "." : path;
		// Evals of a run can be in different repositories.
		const name = this.#redact(this.#paths.has(short) ? path : short);
		this.#names.set(path, name);
		this.#paths.set(name, path);
		return name;
	}
}

interface MadeOf {
	readonly fingerprint: Fingerprint;
	readonly files?: Readonly<Record<string, string>>;
	readonly repositories?: Readonly<Record<string, string>>;
	/** One for each file that was written during the attempt. */
	readonly warnings: readonly RowError[];
}

interface Begun {
	readonly files?: Versions["files"];
	readonly recorded?: Pick<RecordedAttempt, "fingerprint" | "files"> | undefined;
}

export function madeOf(
	versions: Versions,
	repositories: readonly PinnedRepository[],
	{ files: begunWith = versions.files, recorded }: Begun,
	origin: RunOrigin | undefined,
): MadeOf {
	const names = [...new Set([...Object.keys(begunWith), ...Object.keys(versions.files)])];
	const changed = names.filter((name) => begunWith[name] !== versions.files[name]);
	const files = { ...targetFiles(recorded?.files, origin), ...versions.files };
	// A recorded answer keeps its original target.
	const { target = versions.fingerprint.target } = recorded?.fingerprint ?? {};
	return {
		fingerprint: { ...versions.fingerprint, target },
		...(Object.keys(files).length > 0 ? { files } : {}),
		...(repositories.length > 0
			? { repositories: Object.fromEntries(repositories.map(({ path, sha }) => [path, sha])) }
			: {}),
		warnings: changed.map((name) => ({
			stage: "versions",
			code: "changed-while-running",
			message: `${name} changed while the attempt ran, which could have used either version`,
		})),
	};
}

function targetFiles(files: Versions["files"] | undefined, origin: RunOrigin | undefined): Versions["files"] {
	if (!files || !origin) return {};
	const ofTarget = (origin.run.files ?? []).filter(({ parts }) => parts.includes("target"));
	const covered = new Set(ofTarget.map(({ path }) => path));
	return Object.fromEntries(Object.entries(files).filter(([name]) => covered.has(name)));
}
