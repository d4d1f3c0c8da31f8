import { join } from "node:path";
import { pathKind } from "../io/files/stat-path.ts";
import { type TreeFaults, treeFaults } from "../model/irregular-references.ts";
import { isGitsOwn } from "../workspace/pristine.ts";
import { remembered, type ValidationRun } from "./validation-run.ts";

/** Whether `name` exists in a template, be it a dangling link. */
export function existsBelow(template: string, name: string): boolean {
	return pathKind(join(template, name)) !== "missing";
}

/** What a run would refuse to copy of a directory. */
export function rememberedFaults(directory: string, run: ValidationRun): TreeFaults {
	return remembered(run, `faults\0${directory}`, () => treeFaults(directory, isGitsOwn));
}
