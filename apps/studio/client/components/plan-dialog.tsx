import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ChangesAnswer, SyncPlanAnswer } from "../../server/answers/benchmarks.ts";
import { plural, shortSha } from "../lib/format.ts";
import { planQuery } from "../lib/queries.ts";
import { startActivity } from "../lib/sync-activity.ts";
import { useReadOnly } from "../lib/use-read-only.ts";
import { Dialog } from "./dialog.tsx";
import { Failure, Loading } from "./load-state.tsx";
import { Mark, type Tone } from "./mark.tsx";
import { Note } from "./note.tsx";
import classes from "./plan-dialog.module.css";

/** What a sync would change, before it is done. */
export default function PlanDialog({ benchmark, onClose }: { benchmark: string; onClose: () => void }) {
	const client = useQueryClient();
	const readOnly = useReadOnly();
	const plan = useQuery(planQuery(benchmark));
	const changes = plan.data && plan.data.action !== "none" && plan.data.action !== "refuse";
	const sync = () => {
		onClose();
		void startActivity(client, "sync", benchmark);
	};
	return (
		<Dialog
			title={`What a sync of ${benchmark} would change`}
			onClose={onClose}
			wide
			actions={
				<>
					<Button size="xs" variant="default" onClick={onClose}>
						Close
					</Button>
					{changes && !readOnly ? (
						<Button size="xs" onClick={sync}>
							Sync now
						</Button>
					) : null}
				</>
			}
		>
			{plan.data ? <Plan plan={plan.data} /> : null}
			{plan.isError ? <Failure error={plan.error} retry={() => void plan.refetch()} /> : null}
			{plan.isPending ? <Loading label="Asking the remote" /> : null}
		</Dialog>
	);
}

const tones: Readonly<Record<SyncPlanAnswer["action"], Tone>> = {
	clone: "info",
	update: "info",
	move: "info",
	adopt: "warn",
	none: "good",
	skip: "quiet",
	refuse: "bad",
};

function Plan({ plan }: { plan: SyncPlanAnswer }) {
	const { changes } = plan;
	return (
		<>
			<Note tone={tones[plan.action]} title={plan.message} />
			{plan.from !== plan.to && plan.to !== null ? (
				<p className={classes.span}>
					<span className="mono">
						{plan.from === null ? "nothing" : shortSha(plan.from)} → {shortSha(plan.to)}
					</span>
					{changes?.commits == null ? null : <span>{plural(changes.commits, "commit")}</span>}
				</p>
			) : null}
			{changes ? <Changes changes={changes} /> : null}
		</>
	);
}

const change = {
	added: ["good", "add"],
	changed: ["info", "dirty"],
	removed: ["bad", "trash"],
} as const;

function Changes({ changes }: { changes: ChangesAnswer }) {
	const files = (["added", "changed", "removed"] as const).flatMap((kind) =>
		changes[kind].map((file) => ({ kind, file })),
	);
	return (
		<>
			<Group title="Will be executed by the next run" count={changes.executes.length} warn>
				{changes.executes.map(({ kind, what, eval: file, change: how }) => (
					<Item key={`${kind} ${what} ${file}`} how={how} what={what} note={`${kind} of ${file}`} />
				))}
			</Group>
			<Group title="Evals touched" count={changes.evals.length}>
				{changes.evals.map(({ file, change: how, tests }) => (
					<Item key={file} how={how} what={file} note={tests.length > 0 ? testsText(tests) : ""} />
				))}
			</Group>
			<Group title="Files" count={files.length}>
				{files.slice(0, 500).map(({ kind, file }) => (
					<Item key={file} how={kind} what={file} note="" />
				))}
				{files.length > 500 ? <li className="dim">… and {files.length - 500} more</li> : null}
			</Group>
		</>
	);
}

function testsText(tests: readonly string[]): string {
	const shown = tests.slice(0, 12).join(", ");
	return `${plural(tests.length, "test")}: ${shown}${tests.length > 12 ? ", …" : ""}`;
}

function Group({
	title,
	count,
	warn,
	children,
}: {
	title: string;
	count: number;
	warn?: boolean;
	children: ReactNode;
}) {
	if (count === 0) return null;
	return (
		<section className={classes.group}>
			<h3 data-warn={warn || undefined}>
				{title} <span className="dim">{count}</span>
			</h3>
			<ul>{children}</ul>
		</section>
	);
}

function Item({ how, what, note }: { how: keyof typeof change; what: string; note: string }) {
	const [tone, icon] = change[how];
	return (
		<li className={classes.item}>
			<Mark tone={tone} icon={icon}>
				{how}
			</Mark>
			<span className="breaks">
				<span className="mono">{what}</span>
				{note ? <span className={classes.note}>{note}</span> : null}
			</span>
		</li>
	);
}
