/** A bundle created by Studio. */
export interface BundleAnswer {
	/** Addresses its archive: `GET /api/bundles/:id/archive`. */
	readonly id: string;
	/** Absolute. */
	readonly directory: string;
	/** The bundled eval, relative to its repository. */
	readonly eval: string;
	readonly digest: string;
	/** ISO 8601. */
	readonly created_at: string;
	readonly files: number;
	/** Bytes. */
	readonly size: number;
}

/** Events of a bundle job; `outcome` comes last. */
export type BundleEventAnswer =
	| {
			readonly type: "progress";
			readonly phase: "copying" | "vendoring" | "checking";
			readonly done: number;
			/** Null if unknown. */
			readonly total: number | null;
			/** The repository being packed. */
			readonly what: string | null;
	  }
	| {
			readonly type: "outcome";
			/** The bundle's id. */
			readonly bundle: string;
			readonly directory: string;
			readonly digest: string;
			readonly files: number;
			readonly size: number;
			readonly warnings: readonly string[];
			/** Variables that must be set to run it. */
			readonly required: readonly string[];
	  };
