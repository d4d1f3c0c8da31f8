import type { TestStatus } from "../../server/answers/runs.ts";
import { Mark } from "./mark.tsx";

const looks = {
	ok: ["good", "check", "Passed"],
	quality_failure: ["bad", "cross", "Failed"],
	execution_error: ["warn", "warning", "Not graded"],
	not_run: ["quiet", "minus", "Not run"],
} as const;

/** How a test ended, in the words of every report. */
export function StatusMark({ status }: { status: TestStatus }) {
	const [tone, icon, words] = looks[status];
	return (
		<Mark tone={tone} icon={icon}>
			{words}
		</Mark>
	);
}
