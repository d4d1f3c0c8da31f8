import type { RunEntry } from "../../server/answers/runs.ts";
import { Mark } from "./mark.tsx";

const looks = {
	running: ["info", "play", "Running"],
	done: ["quiet", "check", "Done"],
	interrupted: ["warn", "stop", "Interrupted"],
} as const;

/** Whether a run goes on, is done, or ended before all was done. */
export function RunStateMark({ state }: { state: RunEntry["state"] }) {
	const [tone, icon, words] = looks[state];
	return (
		<Mark tone={tone} icon={icon}>
			{words}
		</Mark>
	);
}
