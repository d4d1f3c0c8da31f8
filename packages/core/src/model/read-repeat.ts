import type { Repeat } from "./eval-types.ts";

type Written =
	| number
	| {
			readonly count: number;
			readonly strategy?: Repeat["strategy"] | undefined;
			readonly earlyExit?: boolean | undefined;
	  }
	| undefined;
type Trials = { readonly count: number; readonly strategy?: string | undefined } | undefined;

/** Reads `repeat`, or the deprecated `execution.trials` whose `pass_at_k` means `pass_any`. */
export function repeatOf(repeat: Written, trials: Trials): Repeat | undefined {
	if (typeof repeat === "number") return { count: repeat, strategy: "mean", earlyExit: false };
	if (repeat) return { count: repeat.count, strategy: repeat.strategy ?? "mean", earlyExit: repeat.earlyExit ?? false };
	if (!trials) return undefined;
	const strategies: Record<string, Repeat["strategy"]> = {
		pass_at_k: "pass_any",
		pass_any: "pass_any",
		pass_all: "pass_all",
	};
	return { count: trials.count, strategy: strategies[trials.strategy ?? "pass_at_k"] ?? "mean", earlyExit: false };
}
