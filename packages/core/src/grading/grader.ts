import type { z } from "zod";
import type { AssertionWith } from "../eval/eval-types.ts";
import { commonFields } from "../format/assertion-entry.ts";
import { strictWireObject, wireObject } from "../format/codec.ts";
import type { Grade, GraderServices, Subject } from "./contract.ts";

/** How one kind of assertion is graded. */
export interface Grading<Graded> {
	/** Increment when the same answer may get another result; part of the row's fingerprint. */
	readonly version?: string;
	/**
	 * Returns whether the same record gets the same score everywhere: only the answer's text, tool
	 * calls, tokens, cost and time, and the expected output are used. No program, model, file or
	 * service. `results verify` grades these again.
	 */
	reproducible(assertion: Graded): boolean;
	/**
	 * Returns the raw score, synchronously or not: the caller applies `negate`, `min_score`,
	 * `required` and `weight`. Never rejects because of a program or model: that is `CouldNotRun`.
	 */
	grade(assertion: Graded, subject: Subject, services: GraderServices): Grade | Promise<Grade>;
}

type Settings<Options extends z.ZodRawShape> = z.output<z.ZodObject<typeof commonFields & Options>>;

interface GraderDefinition<Type extends string, Options extends z.ZodRawShape>
	extends Grading<AssertionWith<Type, Settings<Options>>> {
	/** `type` in evals. */
	readonly type: Type;
	/** Deprecated spellings. `snake_case` forms of every type are accepted, too. */
	readonly aliases?: readonly string[];
	/** Its score, for the table in docs/evals.md. */
	readonly score: string;
	/** Its fields, except those of every grader. */
	readonly options: Options;
	/** Keys other than its fields are its program's `config`. */
	readonly takesConfig?: true;
	/** What is read from its `command`, `prompt` or `assertions`. */
	readonly holds?: "command" | "prompt" | "assertions";
	/** It uses only the answer's duration, tokens and cost. */
	readonly measures?: true;
	/** Returns the target of the model that it asks, and where the eval names it. */
	model?(settings: Settings<Options>): GraderModel | undefined;
}

export interface GraderModel {
	readonly target: string | undefined;
	readonly path: readonly string[];
}

/** A type of assertion. One file for each topic in `graders/`, one line for each in their list. */
export interface Grader<Type extends string, Options extends z.ZodRawShape> extends GraderDefinition<Type, Options> {
	readonly schema: ReturnType<typeof strictWireObject<typeof commonFields & Options>>;
}

export function defineGrader<const Type extends string, Options extends z.ZodRawShape>(
	definition: GraderDefinition<Type, Options>,
): Grader<Type, Options> {
	const fields = { ...commonFields, ...definition.options };
	return { ...definition, schema: definition.takesConfig ? wireObject(fields) : strictWireObject(fields) };
}

/** Any grader of the list. */
export type AnyGrader = Grader<string, z.ZodRawShape>;
