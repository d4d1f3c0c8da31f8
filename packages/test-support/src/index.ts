export { isAlive, waitUntil } from "./processes.ts";
export { tempTree } from "./temp-tree.ts";
