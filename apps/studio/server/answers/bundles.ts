/** How a bundle job ends: its last event before `job`. */
export interface BundleOutcomeAnswer {
	readonly type: "bundled";
	/** Addresses its archive: `GET /api/bundles/:id/archive`. */
	readonly bundle: string;
	/** Where it lies, absolute. */
	readonly directory: string;
	readonly digest: string;
	readonly files: number;
	/** Bytes. */
	readonly size: number;
	readonly warnings: readonly string[];
	/** Variables that must be set where it runs. */
	readonly required: readonly string[];
}

/** Events of a bundle job. */
export type BundleEventAnswer =
	| { readonly type: "progress"; readonly phase: string; readonly done: number; readonly total: number | null }
	| BundleOutcomeAnswer;
