/** A point of a line: time in ms, rate 0 to 1. */
export interface ChartPoint {
	readonly x: number;
	readonly y: number;
}

/** Where times and rates lie on a drawing of that size, edges left free for words. */
export interface ChartScale {
	readonly x: (time: number) => number;
	readonly y: (rate: number) => number;
	readonly ticks: readonly number[];
}

export const margins = { top: 10, right: 14, bottom: 24, left: 42 };

/** A scale for points between `from` and `to`; one moment alone stands in the middle. */
export function chartScale(times: readonly number[], width: number, height: number): ChartScale {
	const from = Math.min(...times);
	const to = Math.max(...times);
	const across = Math.max(0, width - margins.left - margins.right);
	const down = height - margins.top - margins.bottom;
	const isOne = from === to;
	const count = Math.max(2, Math.min(6, Math.floor(across / 150) + 1));
	return {
		x: (time) => margins.left + (isOne ? 0.5 : (time - from) / (to - from)) * across,
		y: (rate) => margins.top + (1 - rate) * down,
		ticks: isOne ? [from] : Array.from({ length: count }, (_, step) => from + ((to - from) * step) / (count - 1)),
	};
}
