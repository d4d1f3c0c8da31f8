import { type FindOptions, type FoundFiles, findFiles } from "../io/files/find-files.ts";
import { isEvalName } from "./discover-evals.ts";

/** Cooperative: for servers, where `discoverEvals` would block other requests. */
export function findEvals(directory: string, options: FindOptions = {}): Promise<FoundFiles> {
	return findFiles(directory, isEvalName, options);
}
