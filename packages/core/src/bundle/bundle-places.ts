import { isInside } from "../io/files/path-inside.ts";
import type { Reference } from "../model/reference.ts";
import type { GatheredSources } from "./gather-sources.ts";
import type { Area, Layout } from "./layout.ts";
import type { SuitePlace } from "./suite-places.ts";

/** Where references lead inside the bundle. */
export interface BundlePlaces {
	/** Bundle path of what a reference names; undefined where nothing is copied for it. */
	target(reference: Reference): string | undefined;
	/** The same for an absolute path. */
	named(kind: Reference["kind"], path: string, isDirectory: boolean): string | undefined;
	/** Bundle path of a source path in the area that a reference's kind belongs to. */
	inArea(kind: Reference["kind"], path: string): string | undefined;
	/** The bundle directory that stands for a directory in which a command runs. */
	workingDirectory(directory: string, bound: boolean): string;
}

export function bundlePlaces(
	gathered: GatheredSources,
	layout: Layout,
	suites: ReadonlyMap<string, SuitePlace>,
): BundlePlaces {
	const place = (area: Area, path: string): string | undefined => {
		const top = layout.top(area);
		return top !== undefined && isInside(top, path) ? layout.place(area, path) : undefined;
	};
	const inArea: BundlePlaces["inArea"] = (kind, path) => place(areaOf(kind), path);
	const byDirectory = new Map([...suites.values()].map((suite) => [suite.directory, suite.bundleDirectory]));
	const { scripts } = gathered.areas;
	const named: BundlePlaces["named"] = (kind, path, isDirectory) => {
		if (kind === "template") {
			const real = gathered.templates.get(path);
			return real === undefined ? undefined : place("workspace", real);
		}
		if (areaOf(kind) === "scripts" && isDirectory && !scripts.hasBelow(path))
			// Of a directory that holds the eval nothing else may be needed: then the bundle stands for it.
			return [...byDirectory.keys()].some((directory) => isInside(path, directory)) ? "" : undefined;
		return place(areaOf(kind), path);
	};
	return {
		inArea,
		named,
		target({ kind, state, resolved, onDisk }) {
			if (state === "missing" || state === "run-time" || state === "opaque") return undefined;
			return named(kind, resolved, onDisk === "directory");
		},
		workingDirectory(directory, bound) {
			const own = byDirectory.get(directory);
			if (own !== undefined && !bound) return own;
			return gathered.areas.scripts.hasBelow(directory) ? (place("scripts", directory) ?? "") : "";
		},
	};
}

/** The area that what a kind of reference names goes to. */
export function areaOf(kind: Reference["kind"]): Area {
	switch (kind) {
		case "template":
			return "workspace";
		case "input-file":
		case "prompt":
		case "fixtures":
		case "agent-rules":
			return "data";
		default:
			return "scripts";
	}
}
