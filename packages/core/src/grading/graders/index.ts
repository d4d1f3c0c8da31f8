import type { Grader, GraderType } from "../contract.ts";
import { codeGrader } from "./code-grader.ts";
import { composite } from "./composite.ts";
import { contains } from "./contains.ts";
import { cost } from "./cost.ts";
import { custom } from "./custom.ts";
import { equals } from "./equals.ts";
import { executionMetrics } from "./execution-metrics.ts";
import { fieldAccuracy } from "./field-accuracy.ts";
import { isJson } from "./is-json.ts";
import { latency } from "./latency.ts";
import { llmGrader } from "./llm-grader.ts";
import { regex } from "./regex.ts";
import { rubrics } from "./rubrics.ts";
import { skillTrigger } from "./skill-trigger.ts";
import { startsEnds } from "./starts-ends.ts";
import { tokenUsage } from "./token-usage.ts";
import { toolTrajectory } from "./tool-trajectory.ts";

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
