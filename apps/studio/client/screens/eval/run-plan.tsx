import type { ReactNode } from "react";
import type { RunPlanAnswer } from "../../../server/answers/evals.ts";
import { Note } from "../../components/note.tsx";
import { plural } from "../../lib/format.ts";
import { CommandList } from "./command-list.tsx";
import classes from "./run-plan.module.css";
import { TargetList } from "./target-list.tsx";

/** What a run will execute, and who gets which key by name. */
export function RunPlan({ plan, benchmark }: { plan: RunPlanAnswer; benchmark: string | null }) {
	return (
		<>
			{plan.problems.map((problem) => (
				<div key={problem} className={classes.note}>
					<Note tone="bad" title="It cannot be run now">
						<p>{problem}</p>
					</Note>
				</div>
			))}
			{plan.foreign ? (
				<div className={classes.note}>
					<Note tone="warn" title={`${benchmark ?? "This benchmark"} was synced: others wrote what runs`}>
						<p>These programs run on this machine with your rights. Look at them before you go on.</p>
					</Note>
				</div>
			) : null}
			<p className={classes.count}>
				{plural(plan.tests, "test")}, {plural(plan.targets.filter(({ role }) => role === "target").length, "target")}
			</p>
			<Part title="Targets">
				<TargetList targets={plan.targets} />
			</Part>
			{plan.commands.length > 0 ? (
				<Part title="What is executed on this machine" padded>
					<CommandList commands={plan.commands} />
				</Part>
			) : null}
			{plan.repos.length > 0 ? (
				<Part title="Repositories" padded>
					<Words
						words={plan.repos.map(({ path, repo, commit }) => `${repo}${commit ? ` @ ${commit}` : ""} → ${path}`)}
					/>
				</Part>
			) : null}
		</>
	);
}

function Part({ title, padded, children }: { title: string; padded?: boolean; children: ReactNode }) {
	return (
		<section className={classes.part}>
			<h3>{title}</h3>
			<div className={padded ? classes.padded : undefined}>{children}</div>
		</section>
	);
}

function Words({ words }: { words: readonly string[] }) {
	return (
		<ul className={classes.words}>
			{words.map((word) => (
				<li key={word} className="mono">
					{word}
				</li>
			))}
		</ul>
	);
}
