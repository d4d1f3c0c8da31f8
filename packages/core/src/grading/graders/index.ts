import { z } from "zod";
import type { Assertion } from "../../eval/eval-types.ts";
import { customAssertionSchema, includeSchema } from "../../format/eval-file.ts";
import type { AnyGrader, GraderModel, Grading } from "../contract.ts";
import { composite } from "./composite.ts";
import { fieldAccuracy } from "./field-accuracy.ts";
import { llmGrader, rubrics } from "./llm.ts";
import { codeGrader, custom } from "./program.ts";
import {
	contains,
	containsAll,
	containsAny,
	endsWith,
	equals,
	icontains,
	icontainsAll,
	icontainsAny,
	isJson,
	regex,
	startsWith,
} from "./text.ts";
import { cost, executionMetrics, latency, skillTrigger, tokenUsage, toolTrajectory } from "./trace.ts";

const list = [
	contains,
	icontains,
	startsWith,
	endsWith,
	equals,
	containsAny,
	containsAll,
	icontainsAny,
	icontainsAll,
	regex,
	isJson,
	codeGrader,
	llmGrader,
	rubrics,
	composite,
	toolTrajectory,
	latency,
	cost,
	tokenUsage,
	executionMetrics,
	fieldAccuracy,
	skillTrigger,
] as const;

type Listed = (typeof list)[number];
export type AssertionType = Listed["type"];
export type AssertionSettings<Type extends AssertionType> = z.output<Extract<Listed, { type: Type }>["schema"]>;

/** Excludes custom graders. */
export const graders = Object.fromEntries(list.map((grader): [string, AnyGrader] => [grader.type, grader])) as Readonly<
	Record<AssertionType, AnyGrader>
>;

const aliases = new Map(list.flatMap(({ type, aliases = [] }) => aliases.map((alias) => [alias, type])));

/** Accepts deprecated spellings. */
export function builtInType(written: string): AssertionType | undefined {
	const dashed = written.replaceAll("_", "-");
	return Object.hasOwn(graders, dashed) ? (dashed as AssertionType) : aliases.get(dashed);
}

export function gradingOf({ type }: Assertion): Grading<Assertion> {
	return type === "custom" ? custom : graders[type];
}

/** Excludes models that its parts ask. */
export function modelOf(assertion: Assertion): GraderModel | undefined {
	return assertion.type === "custom" ? undefined : graders[assertion.type].model?.(assertion.settings);
}

export const assertionEntrySchema = z.union([
	z.string().min(1),
	includeSchema,
	...list.map(({ schema }) => schema as z.ZodType),
	customAssertionSchema,
]);
