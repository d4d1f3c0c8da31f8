import { type FindOptions, type FoundFiles, findFiles } from "../io/files/find-files.ts";
import { isEvalName } from "./discover-evals.ts";

/** The evals below a directory, found patiently: for servers, where `discoverEvals` would make others wait. */
export function findEvals(directory: string, options: FindOptions = {}): Promise<FoundFiles> {
	return findFiles(directory, isEvalName, options);
}
