import type { CommandAnswer } from "../../../server/answers/evals.ts";
import { Mark } from "../../components/mark.tsx";
import classes from "./command-list.module.css";

const kinds: Readonly<Record<CommandAnswer["kind"], string>> = {
	hook: "hook",
	extension: "extension",
	preprocessor: "preprocessor",
	grader: "grader",
	prompt: "prompt of",
	target: "target",
	healthcheck: "health check of",
};

/** Commands as they will be run, and where each is written. */
export function CommandList({ commands }: { commands: readonly CommandAnswer[] }) {
	return (
		<ul className={classes.list}>
			{commands.map(({ kind, name, command, at, shell }) => (
				<li key={`${kind} ${name} ${at} ${command}`}>
					<span className={classes.what}>
						{kinds[kind]} <span className="mono">{name}</span>
					</span>
					<div className={classes.words}>
						<code>{command}</code>
						<span className={classes.at}>
							<span className="mono">{at}</span>
							{shell ? (
								<Mark tone="warn" icon="warning" title="The files that a shell text uses can't be known">
									by a shell
								</Mark>
							) : null}
						</span>
					</div>
				</li>
			))}
		</ul>
	);
}
