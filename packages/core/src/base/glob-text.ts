/** Whether `text` matches `glob` as a whole: `*` is any text, `?` one character; everything else stands for itself. */
export function matchesGlob(text: string, glob: string): boolean {
	return globPattern(glob).test(text);
}

/** The pattern of such a glob, for many texts. */
export function globPattern(glob: string): RegExp {
	const source = glob.replace(/[\\^$.|+()[\]{}*?]/g, (sign) =>
		sign === "*" ? ".*" : sign === "?" ? "." : `\\${sign}`,
	);
	return new RegExp(`^${source}$`, "su");
}
