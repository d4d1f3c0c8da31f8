import type { StageLogAnswer, TestResultAnswer } from "../../../server/answers/runs.ts";
import { TextView } from "../../components/code/text-view.tsx";
import { Panel } from "../../components/panel.tsx";
import { count, duration } from "../../lib/format.ts";
import classes from "./stages.module.css";

/** How long each stage took. */
export function Timings({ timings }: { timings: NonNullable<TestResultAnswer["timings"]> }) {
	const whole = timings.reduce((sum, { ms }) => sum + ms, 0);
	return (
		<Panel title="Time of each stage" flush>
			<table className={classes.timings}>
				<tbody>
					{timings.map(({ stage, ms }) => (
						<tr key={stage}>
							<th scope="row">{stage}</th>
							<td className={classes.track} aria-hidden="true">
								<span style={{ width: `${whole === 0 ? 0 : (100 * ms) / whole}%` }} />
							</td>
							<td className={classes.time}>{duration(ms)}</td>
						</tr>
					))}
				</tbody>
			</table>
		</Panel>
	);
}

/** What programs printed, each under its stage and closed at first. */
export function Logs({ logs }: { logs: readonly StageLogAnswer[] }) {
	return (
		<Panel title="Logs" flush>
			{logs.map(({ stage, name, text, omitted }, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a program may print several times in one stage
				<details key={index} className={classes.log}>
					<summary>
						<span>{stage}</span> <span className="mono dim">{name}</span>
					</summary>
					<div className={classes.text}>
						<TextView label={`Log of ${stage}: ${name}`} text={text} />
						{omitted > 0 ? <p className="dim">{count(omitted)} characters are left out.</p> : null}
					</div>
				</details>
			))}
		</Panel>
	);
}
