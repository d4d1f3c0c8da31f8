/** `evals/refunds/partial.eval.yaml` → `partial`, as short as it can be said. */
export function evalName(file: string): string {
	const name = file.split("/").at(-1) ?? file;
	const short = name.replace(/(\.eval)?\.(ya?ml|jsonl?)$/i, "");
	return /^(eval|evals)$/i.test(short) ? (file.split("/").at(-2) ?? short) : short;
}
