/** The Node that runs us: what scripts of evals are run by. */
export const nodeExecutable: string = process.execPath;

export const nodeVersion: string = process.version;
