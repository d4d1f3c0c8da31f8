import { z } from "zod";
import { wireObject } from "./codec.ts";

export const manifestVersion = 1;

/** AgentV writes `generated` files; all others are copies. */
const bundleFileKinds = [
	"generated",
	"template",
	"script",
	"data",
	"custom-grader",
	"metadata-file",
	"include",
	"repository",
] as const;
export type BundleFileKind = (typeof bundleFileKinds)[number];

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, "expected a hexadecimal SHA-256");
/** Relative, `/`-separated, and within the bundle. */
const innerPathSchema = z
	.string()
	.min(1)
	.refine(
		(path) => !path.startsWith("/") && !path.split("/").some((part) => part === "" || part === "." || part === ".."),
		"expected a path inside the bundle",
	);

const bundleFileSchema = wireObject({
	path: innerPathSchema,
	size: z.number().int().min(0),
	mode: z.enum(["644", "755", "link"]),
	sha256: digestSchema,
	kind: z.enum(bundleFileKinds),
	/** Relative to the source's repository or directory; null for generated files. */
	source: z.string().nullable(),
});

const bundleVariableSchema = wireObject({
	name: z.string().min(1),
	usedIn: z.array(z.string()),
	/** A default was recorded by `--capture-env`. */
	captured: z.boolean(),
	required: z.boolean(),
});

const bundleTargetSchema = wireObject({
	name: z.string(),
	via: z.array(wireObject({ name: z.string(), chosenBy: z.array(z.string()) })),
});

const bundleRepoSchema = wireObject({
	path: z.string(),
	repo: z.string(),
	/** Branch, tag or SHA from the eval; null: the remote's default branch. */
	requested: z.string().nullable(),
	/** Null: not pinned. */
	sha: z.string().nullable(),
	/** Path of a git bundle file inside the bundle, or null. */
	vendored: z.string().nullable(),
});

export const bundleManifestSchema = wireObject({
	formatVersion: z.literal(manifestVersion),
	agentvVersion: z.string(),
	createdAt: z.string(),
	source: wireObject({
		eval: z.string(),
		commit: z.string().nullable(),
		branch: z.string().nullable(),
		dirty: z.boolean().nullable(),
		remote: z.string().nullable(),
		benchmark: wireObject({ id: z.string(), revision: z.string().nullable() }).nullable(),
	}),
	flags: z.array(z.string()),
	files: z.array(bundleFileSchema),
	/** Absent if there are none. */
	emptyDirectories: z.array(innerPathSchema).optional(),
	variables: z.array(bundleVariableSchema),
	targets: z.array(bundleTargetSchema),
	repos: z.array(bundleRepoSchema),
	requires: wireObject({ packages: z.array(z.string()), executables: z.array(z.string()) }),
	/** SHA-256 over every entry of `files` as written: it also covers `kind` and `source`. */
	filesDigest: digestSchema,
	digest: digestSchema,
	/** Over the canonical form of everything else; absent in earlier versions. */
	manifestSha256: digestSchema.optional(),
});

export type BundleManifest = z.output<typeof bundleManifestSchema>;
export type BundleFile = z.output<typeof bundleFileSchema>;
export type BundleVariable = z.output<typeof bundleVariableSchema>;
export type BundleRepo = z.output<typeof bundleRepoSchema>;
