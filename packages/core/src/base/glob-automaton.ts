/** A parsed pattern. A single character is matched by a predicate. */
export type GlobNode =
	| { readonly kind: "character"; readonly test: (character: string) => boolean }
	| { readonly kind: "sequence"; readonly nodes: readonly GlobNode[] }
	| { readonly kind: "choice"; readonly nodes: readonly GlobNode[] }
	| { readonly kind: "repeat"; readonly node: GlobNode; readonly least: 0 | 1 };

/** The steps that can come next: every way in which the pattern can still match, each once. */
export type GlobState = readonly number[];

/** The end of the program is a match; `jump` continues at each of its targets. */
type Step =
	| { readonly kind: "character"; readonly test: (character: string) => boolean }
	| { readonly kind: "jump"; readonly goals: number[] };

/**
 * Builds an automaton that follows all ways of matching concurrently. Reading a character takes
 * time proportional to the pattern at most, so no pattern or text is slow.
 */
export function automaton(pattern: GlobNode) {
	const steps: Step[] = [];
	compile(pattern, steps);
	const end = steps.length;
	/** The round in which a step was last added, so that none is added twice. */
	const added = new Uint32Array(end + 1);
	let round = 0;
	const closure = (from: readonly number[]): number[] => {
		round++;
		const state: number[] = [];
		const waiting = [...from];
		for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
			if (added[at] === round) continue;
			added[at] = round;
			const step = steps[at];
			if (step?.kind === "jump") waiting.push(...step.goals);
			else state.push(at);
		}
		return state;
	};
	const readOne = (state: GlobState, character: string): GlobState => {
		const next: number[] = [];
		for (const at of state) {
			const step = steps[at];
			if (step?.kind === "character" && step.test(character)) next.push(at + 1);
		}
		return next.length === 0 ? next : closure(next);
	};
	return {
		start: closure([0]) as GlobState,
		read(state: GlobState, text: string): GlobState {
			let current = state;
			for (const character of text) {
				if (current.length === 0) break;
				current = readOne(current, character);
			}
			return current;
		},
		isMatch: (state: GlobState) => state.includes(end),
	};
}

function compile(node: GlobNode, steps: Step[]): void {
	if (node.kind === "character") steps.push(node);
	else if (node.kind === "sequence") for (const inner of node.nodes) compile(inner, steps);
	else if (node.kind === "choice") {
		const fork = jump(steps);
		const exits = node.nodes.map((inner) => {
			fork.goals.push(steps.length);
			compile(inner, steps);
			return jump(steps);
		});
		for (const exit of exits) exit.goals.push(steps.length);
	} else {
		const entry = node.least === 0 ? jump(steps) : undefined;
		const start = steps.length;
		entry?.goals.push(start);
		compile(node.node, steps);
		jump(steps).goals.push(start, steps.length);
		entry?.goals.push(steps.length);
	}
}

function jump(steps: Step[]): Extract<Step, { kind: "jump" }> {
	const step = { kind: "jump", goals: [] as number[] } as const;
	steps.push(step);
	return step;
}
