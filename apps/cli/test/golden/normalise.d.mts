/** Returns `text` without what may differ; `names` are texts that stand for something else here: directories, ids. */
export function normalise(text: string, names: Readonly<Record<string, string>>): string;
