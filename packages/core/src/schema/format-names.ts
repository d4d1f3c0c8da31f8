/** The formats that have a published JSON Schema. Apart from the schemas, so that naming them costs nothing. */
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
