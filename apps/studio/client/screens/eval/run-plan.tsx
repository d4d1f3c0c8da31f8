import type { ReactNode } from "react";
import type { RunPlanAnswer } from "../../../server/answers/evals.ts";
import { Mark } from "../../components/mark.tsx";
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
			{plan.access.some((one) => one.new) ? (
				<div className={classes.note}>
					<Note tone="warn" title="It reads or reaches something new">
						<p>Others wrote this eval. You have not consented yet to what is marked as new below.</p>
					</Note>
				</div>
			) : null}
			<p className={classes.count}>
				{plural(plan.tests, "test")}, {plural(plan.targets.filter(({ role }) => role === "target").length, "target")}
			</p>
			<Part title="Targets">
				<TargetList targets={plan.targets} />
			</Part>
			{plan.access.length > 0 ? (
				<Part title="What it reads and reaches" padded>
					<AccessList access={plan.access} />
				</Part>
			) : null}
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

const accessWords = { variable: "reads", host: "connects to", file: "reads" } as const;

/** Variables, hosts and outside files; those that need consent come first. */
function AccessList({ access }: { access: RunPlanAnswer["access"] }) {
	const sorted = [...access].sort((a, b) => Number(b.new) - Number(a.new));
	return (
		<ul className={classes.words}>
			{sorted.map(({ kind, name, new: isNew }) => (
				<li key={`${kind} ${name}`}>
					<span className="dim">{accessWords[kind]}</span> <span className="mono">{name}</span>{" "}
					{isNew ? (
						<Mark tone="warn" icon="warning">
							new
						</Mark>
					) : null}
				</li>
			))}
		</ul>
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
