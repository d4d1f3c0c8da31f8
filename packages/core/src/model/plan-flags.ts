/** The parts of a request that decide which tests are run and how they are judged, on whatever machine: flags in `run.json`. */
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

/** The option of the command line that sets a flag. */
export function optionOf(flag: string): string {
	return options[flag] ?? `--${flag}`;
}
