/** Options that determine which tests run and how they are graded: flags in `run.json`. */
export const planFlags = [
	"targets",
	"tests",
	"tags",
	"excludeTags",
	"graderTarget",
	"limit",
	"threshold",
	"repeat",
	"timeoutSeconds",
	"experiment",
] as const;

const options: Readonly<Record<string, string>> = {
	targets: "--target",
	targetsFile: "--targets",
	tests: "--test",
	tags: "--tag",
	excludeTags: "--exclude-tag",
	graderTarget: "--grader-target",
	timeoutSeconds: "--timeout",
	envFile: "--env-file",
};

/** Returns the command-line option that sets a flag. */
export function optionOf(flag: string): string {
	return options[flag] ?? `--${flag}`;
}
