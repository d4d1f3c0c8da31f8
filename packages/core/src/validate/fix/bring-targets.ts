import type { Environment } from "../../io/environment.ts";
import type { DiskView } from "../../model/disk-view.ts";
import type { TargetDefinition, TargetScope } from "../../model/load-targets.ts";
import { type Move, rebaseTarget } from "./rebase-target.ts";
import { valueAt } from "./value-at.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface BroughtTarget {
	readonly name: string;
	/** What goes into the file: values as written, `${{ }}` included. */
	readonly entry: Fields;
}

export interface Bringing {
	readonly scope: TargetScope;
	/** Directory of the eval: what is defined there stays as it is. */
	readonly directory: string;
	/** Directory of the file that the targets go to. */
	readonly to: string;
	/** Root of the eval's repository. */
	readonly root: string;
	/** `--targets FILE`: given for one run, not for keeps. */
	readonly targetsFile?: string | undefined;
	readonly view: DiskView;
	/** The eval's variables. */
	readonly env: Environment;
}

/**
 * The targets `names`, and whatever they lead to, as they are to be written beside the eval: chains flattened up to a hop
 * that a variable chooses, which stays, and then all that it can choose from that file comes along.
 * @returns the targets in the order they are needed, or the name of one that can't be moved
 */
export function bringTargets(
	names: readonly string[],
	bringing: Bringing,
): readonly BroughtTarget[] | { readonly stuck: string } {
	const brought = new Map<string, Fields>();
	const waiting = [...names];
	for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
		if (brought.has(name)) continue;
		const definition = bringing.scope.find(name);
		if (!definition || !isForeign(definition, bringing)) continue;
		const flat = flatten(definition, bringing);
		if (!flat) return { stuck: name };
		brought.set(name, flat.entry);
		waiting.push(...flat.needs);
	}
	return [...brought].map(([name, entry]) => ({ name, entry }));
}

function isForeign({ level, file }: TargetDefinition, { directory, targetsFile }: Bringing): boolean {
	return level !== directory && file !== targetsFile;
}

const chain = new Set(["name", "use_target"]);

function flatten(first: TargetDefinition, bringing: Bringing): { entry: Fields; needs: string[] } | undefined {
	const { scope } = bringing;
	const layers: Fields[] = [];
	const needs: string[] = [];
	const seen = new Set<TargetDefinition>();
	let kept: unknown;
	let definition: TargetDefinition | undefined = first;
	while (definition) {
		seen.add(definition);
		const raw = rawEntry(definition, scope);
		const { to, root, view, env } = bringing;
		const move: Move = { from: definition.base, to, root, view, env };
		const moved = rebaseTarget(withoutChain(raw), move);
		if (!moved) return undefined;
		layers.push(moved);
		needs.push(...namedIn(raw, definition, scope));
		const next: TargetDefinition | undefined =
			typeof raw.use_target === "string" ? scope.find(definition.entry.useTarget ?? "") : undefined;
		const stays: boolean = isVariable(raw.use_target) || !next || seen.has(next) || !isForeign(next, bringing);
		if (raw.use_target !== undefined && stays) {
			kept = raw.use_target;
			needs.push(...chosenFrom(raw.use_target, definition, next, scope));
		}
		definition = stays ? undefined : next;
	}
	const settings = Object.assign({}, ...layers.reverse()) as Fields;
	return { entry: { name: first.name, ...(kept === undefined ? {} : { use_target: kept }), ...settings }, needs };
}

function withoutChain(raw: Fields): Fields {
	return Object.fromEntries(Object.entries(raw).filter(([key]) => !chain.has(key)));
}

function rawEntry({ file, part }: TargetDefinition, scope: TargetScope): Fields {
	const raw = valueAt(scope.sources.get(file)?.raw(), part.at.path ?? []);
	return typeof raw === "object" && raw !== null ? (raw as Fields) : {};
}

function isVariable(value: unknown): boolean {
	return typeof value === "string" && value.includes("${{");
}

/** The graders and fallbacks that a definition names. */
function namedIn(raw: Fields, definition: TargetDefinition, scope: TargetScope): string[] {
	const { graderTarget, judgeTarget, fallbackTargets = [] } = definition.entry;
	const named = [graderTarget, judgeTarget, ...fallbackTargets].filter((name) => name !== undefined);
	const written = [
		raw.grader_target,
		raw.judge_target,
		...(Array.isArray(raw.fallback_targets) ? raw.fallback_targets : []),
	];
	return written.some(isVariable) ? [...named, ...namesOfFile(definition.file, scope)] : named;
}

/** What a hop can lead to: one name, or, where a variable chooses, every target of its file and of the chosen one's. */
function chosenFrom(
	written: unknown,
	definition: TargetDefinition,
	next: TargetDefinition | undefined,
	scope: TargetScope,
): string[] {
	const today = definition.entry.useTarget === undefined ? [] : [definition.entry.useTarget];
	if (!isVariable(written)) return today;
	return [...today, ...namesOfFile(definition.file, scope), ...(next ? namesOfFile(next.file, scope) : [])];
}

function namesOfFile(file: string, scope: TargetScope): string[] {
	return scope.names.filter((name) => scope.find(name)?.file === file);
}
