/** Replaces everything in `text` that may differ between machines and runs, and all `names`. */
export function normalise(text: string, names: Readonly<Record<string, string>>): string;
