import type { ReactNode } from "react";
import type { TargetAnswer } from "../../../server/answers/evals.ts";
import { Icon } from "../../components/icon.tsx";
import { Mark } from "../../components/mark.tsx";
import classes from "./target-list.module.css";

const roles = { target: "runs the tests", grader: "judges answers", fallback: "steps in" } as const;

/** Targets as they resolve: through which names, to which provider, model and host, with which keys by name. */
export function TargetList({ targets }: { targets: readonly TargetAnswer[] }) {
	return (
		<ul className={classes.list}>
			{targets.map((target) => (
				<li key={`${target.role} ${target.name}`}>
					<div className={classes.head}>
						<strong>{target.name}</strong>
						<span className="dim">{roles[target.role]}</span>
					</div>
					<div className={classes.what}>
						<span>
							{[target.provider, target.model].filter(Boolean).join(" · ")}
							{target.via.length > 1 ? <span className="dim mono"> {target.via.join(" → ")}</span> : null}
						</span>
						{target.host ? (
							<span>
								<span className="dim">asks</span> <span className="mono">{target.host}</span>
							</span>
						) : null}
						{target.keys.map(({ name, set }) => (
							<span key={name} className={classes.key}>
								<span className="dim">gets</span> <span className="mono">{name}</span>
								<Mark tone={set ? "good" : "bad"} icon={set ? "check" : "cross"}>
									{set ? "set" : "not set"}
								</Mark>
							</span>
						))}
					</div>
					{target.literal_key ? <Warning>A key stands in a file as it is</Warning> : null}
					{target.inherits_environment ? (
						<p className={classes.inherits}>A program of this machine: it sees every variable of the environment.</p>
					) : null}
					{target.problem ? <Warning>{target.problem}</Warning> : null}
				</li>
			))}
		</ul>
	);
}

function Warning({ children }: { children: ReactNode }) {
	return (
		<p className={classes.problem}>
			<Icon name="warning" /> {children}
		</p>
	);
}
