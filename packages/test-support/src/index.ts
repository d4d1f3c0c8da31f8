export { tempTree } from "./temp-tree.ts";
