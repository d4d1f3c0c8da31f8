import type { ValidationFinding } from "../eval-result.ts";
import type { FieldChange, TargetChange } from "./change.ts";

/** A finding with the changes that mend it. */
export interface PlannedFinding {
	/** The eval that it was found in; absolute. */
	readonly evalFile: string;
	readonly finding: ValidationFinding;
	readonly changes: readonly (FieldChange | TargetChange)[];
}
