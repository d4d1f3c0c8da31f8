export { agentv, agentvBin, type Session, type SessionOptions } from "./agentv-session.ts";
export { compileModules } from "./compile-modules.ts";
export { cpuMs } from "./cpu-time.ts";
export { expectTable } from "./docs-table.ts";
export { gitDaemon, type LoopbackServer, silentServer } from "./git-daemon.ts";
export {
	bareRepository,
	type FileContent,
	git,
	gitRepository,
	gitTestEnvironment,
	type TestRepository,
	writeTree,
} from "./git-repo.ts";
export { type GitHttpBehaviour, type GitHttpServer, gitHttpServer } from "./git-server.ts";
export { type InputWatch, inputWatch } from "./input-watch.ts";
export { judgedPrograms } from "./judged-programs.ts";
export { law } from "./law.ts";
export { isAlive, waitUntil } from "./processes.ts";
export { tempTree } from "./temp-tree.ts";
