/** What is looked at, in the order in which it is told. */
export const doctorGroups = [
	"machine",
	"home",
	"evals",
	"programs",
	"targets",
	"variables",
	"storage",
	"online",
] as const;
export type DoctorGroup = (typeof doctorGroups)[number];

/**
 * `ok`: as it should be; `note`: worth knowing, nobody needs it; `warning`: works, but not as meant; `problem`: something needed is missing.
 */
export type DoctorState = "ok" | "note" | "warning" | "problem";

/** One thing that was looked at. Texts may hold names from files: make them safe before they are shown. Never a secret. */
export interface DoctorItem {
	readonly group: DoctorGroup;
	readonly name: string;
	readonly state: DoctorState;
	/** What was found, without a full stop. */
	readonly says: string;
	/** What to do next about it. */
	readonly action?: string;
	/** Evals that need it, as seen from the current directory. */
	readonly neededBy?: readonly string[];
}
