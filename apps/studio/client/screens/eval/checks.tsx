import type { CheckAnswer } from "../../../server/answers/findings.ts";
import { Icon } from "../../components/icon.tsx";
import { Panel } from "../../components/panel.tsx";
import classes from "./checks.module.css";

const signs = { pass: "check", fail: "cross", skip: "question" } as const;
const words = { pass: "Passed", fail: "Failed", skip: "Skipped" } as const;

/** What each rule came to, those that found nothing too: folded, for those who want to know what was looked at. */
export function Checks({ checks }: { checks: readonly CheckAnswer[] }) {
	if (checks.length === 0) return null;
	const passed = checks.filter(({ state }) => state === "pass").length;
	return (
		<Panel flush>
			<details className={classes.checks}>
				<summary>
					{passed} of {checks.length} checks passed
				</summary>
				<ul>
					{checks.map(({ rule, state, message }) => (
						<li key={`${rule} ${message}`} data-state={state}>
							<Icon name={signs[state]} size={13} />
							<span>
								<span className={classes.state}>{words[state]}: </span>
								{message} <span className="mono dim">{rule}</span>
							</span>
						</li>
					))}
				</ul>
			</details>
		</Panel>
	);
}
