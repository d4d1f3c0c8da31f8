import { ActionIcon, Button, Group } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import type { BenchmarkAnswer, BenchmarkMarks } from "../../server/describe-benchmark.ts";
import { cancelJob, useReadOnly } from "../lib/api.ts";
import { dismissActivity, type SyncActivity, startActivity } from "../lib/benchmark-activity.ts";
import { plural, shortSha } from "../lib/format.ts";
import { Icon, type Look, Note, PendingBadge, ProgressLine, StatusBadge, Time, type Tone } from "./status.tsx";

const PlanDialog = lazy(async () => ({ default: (await import("../screens/benchmark-dialogs.tsx")).PlanDialog }));
const RemoveDialog = lazy(async () => ({ default: (await import("../screens/benchmark-dialogs.tsx")).RemoveDialog }));

const revisionLooks: Readonly<Record<BenchmarkMarks["revision"]["state"], Look>> = {
	local: ["quiet", "folder", "Local"],
	missing: ["info", "missing", "Not cloned"],
	synced: ["good", "check", "Synced"],
	behind: ["warn", "down", "Behind"],
	ahead: ["warn", "up", "Ahead"],
	diverged: ["bad", "split", "Diverged"],
	rewritten: ["bad", "split", "Rewritten"],
	unknown: ["quiet", "question", "Unknown"],
};

const workTreeLooks: Readonly<Record<BenchmarkMarks["work_tree"]["state"], Look>> = {
	clean: ["good", "check", "Clean"],
	modified: ["warn", "dirty", "Modified"],
	foreign: ["bad", "warning", "Foreign"],
};

export function BenchmarkBadges({ item, status }: { item: BenchmarkAnswer; status: BenchmarkMarks | undefined }) {
	if (item.problem !== null) return <StatusBadge look={["bad", "warning", "Unusable"]} />;
	if (!status)
		return (
			<>
				<PendingBadge label="Checking revision" />
				<PendingBadge label="Checking work tree" />
			</>
		);
	const { revision, work_tree: tree } = status;
	return (
		<>
			<StatusBadge look={revisionLooks[revision.state]} title={revisionTitle(revision)} />
			{revision.state === "local" || revision.state === "missing" ? null : <WorkTreeBadge tree={tree} />}
		</>
	);
}

function WorkTreeBadge({ tree: { state, files } }: { tree: BenchmarkMarks["work_tree"] }) {
	const [tone, icon, label] = workTreeLooks[state];
	const more = files.length > 20 ? `\n… ${files.length - 20} more` : "";
	return (
		<StatusBadge
			look={[tone, icon, files.length > 0 ? `${label} ${files.length}` : label]}
			title={files.length > 0 ? files.slice(0, 20).join("\n") + more : undefined}
		/>
	);
}

function revisionTitle(revision: BenchmarkMarks["revision"]): string {
	const { sha, subject, wanted_ref: ref, wanted_sha: wanted, reason } = revision;
	const current = sha ? `${shortSha(sha)} ${subject ?? ""}`.trim() : "not checked out";
	const expected = wanted && wanted !== sha ? `, expected: ${ref ?? ""} ${shortSha(wanted)}` : "";
	return `${current}${expected}${reason ? `\n${reason}` : ""}`;
}

export function LastSync({ sync }: { sync: BenchmarkAnswer["last_sync"] }) {
	if (!sync) return <span className="dim">Never synced</span>;
	const at = <Time at={sync.finished_at ?? sync.started_at} />;
	if (sync.status === "running") return <span className="dim">Syncing since {at}</span>;
	if (sync.status === "failed")
		return (
			<span title={sync.message} style={{ color: "var(--bad)" }}>
				Failed {at}
			</span>
		);
	const from = sync.from !== null && sync.from !== sync.to ? `${shortSha(sync.from)} → ` : "";
	return (
		<span>
			Synced {at} {sync.to ? <span className="mono dim">{from + shortSha(sync.to)}</span> : null}
		</span>
	);
}

const outcomes: Readonly<Record<NonNullable<SyncActivity["result"]>["outcome"], readonly [Tone, string]>> = {
	synced: ["good", "Synced"],
	current: ["good", "Already up to date"],
	skipped: ["quiet", "Skipped"],
	refused: ["warn", "Sync refused: nothing was changed"],
	failed: ["bad", "Sync failed"],
};

export function SyncNote({ benchmark, activity }: { benchmark: string; activity: SyncActivity }) {
	const client = useQueryClient();
	if (activity.running) return <RunningSync activity={activity} />;
	const { result, error, kind, recovered } = activity;
	const [tone, title] = result
		? outcomes[result.outcome]
		: error
			? (["bad", kind === "status" ? "Could not contact the remote" : "Sync failed"] as const)
			: (["quiet", "Cancelled"] as const);
	return (
		<Note tone={tone} live title={title} onDismiss={() => dismissActivity(client, benchmark)}>
			<p>{result?.message ?? error?.message}</p>
			{result?.changes ? <p>{changesText(result)}</p> : null}
			{error?.hint ? <p>{error.hint}</p> : null}
			{recovered ? <p>{recovered}</p> : null}
		</Note>
	);
}

function RunningSync({ activity: { job, kind, phase, percent } }: { activity: SyncActivity }) {
	const cancel = useMutation({ mutationFn: cancelJob });
	return (
		<Group align="flex-end" gap="sm" wrap="nowrap">
			<div style={{ flex: 1, minWidth: 0 }}>
				<ProgressLine label={kind === "status" ? "Contacting the remote" : phase} percent={percent} />
			</div>
			{job === undefined ? null : (
				<Button size="compact-xs" disabled={cancel.isPending || cancel.isSuccess} onClick={() => cancel.mutate(job)}>
					Cancel
				</Button>
			)}
		</Group>
	);
}

function changesText({ from, to, changes }: NonNullable<SyncActivity["result"]>): string {
	if (!changes) return "";
	const files = changes.added.length + changes.changed.length + changes.removed.length;
	const parts = [
		from && to && from !== to ? `${shortSha(from)} → ${shortSha(to)}` : "",
		changes.commits === null ? "" : plural(changes.commits, "commit"),
		plural(files, "file"),
		plural(changes.evals.length, "eval"),
	];
	return parts.filter((part) => part !== "").join(" · ");
}

/** Syncs only git-backed benchmarks; any can be removed. */
export function BenchmarkActions({ benchmark, busy }: { benchmark: BenchmarkAnswer; busy: boolean }) {
	const client = useQueryClient();
	const readOnly = useReadOnly();
	const [open, setOpen] = useState<"plan" | "remove">();
	const { id, source } = benchmark;
	const close = () => setOpen(undefined);
	const isGit = source !== null;
	const start = (kind: "sync" | "status") => () => void startActivity(client, kind, id);
	const iconButton = (label: string, icon: "remote" | "trash", onClick: () => void) => (
		<ActionIcon
			size={26}
			variant="subtle"
			color="gray"
			aria-label={label}
			title={label}
			disabled={busy}
			onClick={onClick}
		>
			<Icon name={icon} size={15} />
		</ActionIcon>
	);
	return (
		<Group gap={4} wrap="nowrap">
			{isGit && !readOnly ? (
				<Button
					size="compact-sm"
					leftSection={<Icon name="sync" />}
					disabled={busy}
					aria-label={`Sync ${id}`}
					onClick={start("sync")}
				>
					Sync
				</Button>
			) : null}
			{isGit ? (
				<Button size="compact-sm" disabled={busy} aria-label={`Preview sync of ${id}`} onClick={() => setOpen("plan")}>
					Preview
				</Button>
			) : null}
			{isGit && !readOnly ? iconButton(`Check status of ${id}`, "remote", start("status")) : null}
			{readOnly ? null : iconButton(`Remove ${id}`, "trash", () => setOpen("remove"))}
			<Suspense>
				{open === "plan" ? <PlanDialog benchmark={id} onClose={close} /> : null}
				{open === "remove" ? <RemoveDialog benchmark={benchmark} onClose={close} /> : null}
			</Suspense>
		</Group>
	);
}
