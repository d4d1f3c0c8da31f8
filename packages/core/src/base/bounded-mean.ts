/** A mean over what was judged, and what it is at least. */
export interface BoundedMean {
	/** Null if nothing was judged. */
	readonly mean: number | null;
	/** The mean if everything that the tested agent kept from being judged counts 0. Null if there is nothing of either. */
	readonly lowerBound: number | null;
	/** How many were judged. */
	readonly n: number;
	readonly planned: number;
}

/** What a mean is made of. */
export interface MeanParts {
	/** Of those that were judged. */
	readonly total: number;
	readonly n: number;
	/** Of those that were judged and those that the agent broke; parts of a repeated test that it broke count 0. */
	readonly lowestTotal: number;
	/** Those that were not judged because of the agent. */
	readonly broken: number;
	readonly planned: number;
}

/** Returns a mean with its lower bound: everything that is shown or decided by a mean or a rate comes from here. */
export function boundedMean({ total, n, lowestTotal, broken, planned }: MeanParts): BoundedMean {
	return {
		mean: n === 0 ? null : total / n,
		lowerBound: n + broken === 0 ? null : lowestTotal / (n + broken),
		...{ n, planned },
	};
}

/** Returns how many of the planned ones a mean is over, and its lower bound if that differs: `11 of 12, at least 0.84`. */
export function boundText({ mean, lowerBound, n, planned }: BoundedMean, format: (value: number) => string): string {
	const isLower = lowerBound !== null && lowerBound !== mean;
	return [...(n < planned ? [`${n} of ${planned}`] : []), ...(isLower ? [`at least ${format(lowerBound)}`] : [])].join(
		", ",
	);
}

/** Returns a mean with what limits it: `0.92 (11 of 12, at least 0.84)`, or `0.92` alone if every planned one was judged. */
export function boundedMeanText(mean: BoundedMean, format: (value: number) => string): string {
	const bound = boundText(mean, format);
	const value = mean.mean === null ? "–" : format(mean.mean);
	return bound === "" || (mean.mean === null && mean.lowerBound === null) ? value : `${value} (${bound})`;
}
