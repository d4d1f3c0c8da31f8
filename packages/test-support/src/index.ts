export { agentv, agentvBin, type Session, type SessionOptions } from "./agentv-session.ts";
export {
	bareRepository,
	type FileContent,
	git,
	gitRepository,
	gitTestEnvironment,
	type TestRepository,
	writeTree,
} from "./git-repo.ts";
export { isAlive, waitUntil } from "./processes.ts";
export { tempTree } from "./temp-tree.ts";
