/** The Node that runs us: what scripts of evals are run by. */
export const nodeExecutable: string = process.execPath;
