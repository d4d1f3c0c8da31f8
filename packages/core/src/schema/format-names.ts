/** Separate from the schemas, so that importing the names is cheap. */
export const formatNames = [
	"eval",
	"targets",
	"benchmarks",
	"config",
	"manifest",
	"results",
	"compare-output",
] as const;
export type FormatName = (typeof formatNames)[number];
