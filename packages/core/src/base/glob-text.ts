import { AgentvError } from "./agentv-error.ts";

/** Longer patterns are rejected. */
export const longestGlob = 1000;

/**
 * Returns whether the whole `text` matches `glob`: `*` is any text, `?` one character; everything
 * else is literal. Takes time linear in the text and the pattern.
 * @throws AgentvError `usage` if the pattern is too long
 */
export function matchesGlob(text: string, glob: string): boolean {
	return textGlob(glob)(text);
}

/** Compiles such a glob for many texts. @throws AgentvError `usage` */
export function textGlob(glob: string): (text: string) => boolean {
	if (glob.length > longestGlob)
		throw new AgentvError("usage", `the pattern has ${glob.length} characters, more than the ${longestGlob} allowed`, {
			hint: "Write a shorter pattern, or several.",
		});
	const signs = [...glob.replace(/\*+/g, "*")];
	return (text) => matches([...text], signs);
}

/** Backtracks only to the last `*`: what an earlier one matched can stay. */
function matches(text: readonly string[], signs: readonly string[]): boolean {
	let [at, sign] = [0, 0];
	let star: { readonly sign: number; at: number } | undefined;
	while (at < text.length) {
		if (signs[sign] === "*") {
			sign++;
			star = { sign, at };
		} else if (sign < signs.length && (signs[sign] === "?" || signs[sign] === text[at])) {
			sign++;
			at++;
		} else if (star) {
			star.at++;
			({ sign, at } = star);
		} else return false;
	}
	while (signs[sign] === "*") sign++;
	return sign === signs.length;
}
