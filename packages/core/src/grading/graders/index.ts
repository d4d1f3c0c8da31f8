import type { Grader, GraderType } from "../contract.ts";
import { composite } from "./composite.ts";
import { fieldAccuracy } from "./field-accuracy.ts";
import { llmGrader, rubrics } from "./llm.ts";
import { cost, executionMetrics, latency, tokenUsage } from "./metrics.ts";
import { codeGrader, custom } from "./program.ts";
import { contains, equals, isJson, regex, startsEnds } from "./text.ts";
import { skillTrigger, toolTrajectory } from "./tools.ts";

/** A grader without its own assertion type: it only ever gets assertions of `types`. */
type AnyGrader = { [Type in GraderType]: Grader<Type> }[GraderType];

const all: readonly unknown[] = [
	contains,
	equals,
	startsEnds,
	regex,
	isJson,
	codeGrader,
	custom,
	composite,
	toolTrajectory,
	llmGrader,
	rubrics,
	latency,
	cost,
	tokenUsage,
	executionMetrics,
	fieldAccuracy,
	skillTrigger,
];

/** Graders by the types they grade. A type of the format without an entry is not available yet. */
export const graders: ReadonlyMap<GraderType, Grader<GraderType>> = new Map(
	(all as readonly AnyGrader[]).flatMap((grader) => grader.types.map((type) => [type, grader as Grader<GraderType>])),
);
