/** The Node that runs AgentV also runs the scripts of evals. */
export const nodeExecutable: string = process.execPath;

export const nodeVersion: string = process.version;
