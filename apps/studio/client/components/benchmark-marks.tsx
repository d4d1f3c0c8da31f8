import type { BenchmarkMarks } from "../../server/answers/benchmarks.ts";
import { shortSha } from "../lib/format.ts";
import type { IconName } from "./icon.tsx";
import { Mark, PendingMark, type Tone } from "./mark.tsx";

type Look = readonly [label: string, tone: Tone, icon: IconName];

const revisions: Readonly<Record<BenchmarkMarks["revision"]["state"], Look>> = {
	local: ["Local", "quiet", "folder"],
	missing: ["Not cloned", "info", "missing"],
	synced: ["Synced", "good", "check"],
	behind: ["Behind", "warn", "down"],
	ahead: ["Ahead", "warn", "up"],
	diverged: ["Diverged", "bad", "split"],
	rewritten: ["Rewritten", "bad", "split"],
	unknown: ["Unknown", "quiet", "question"],
};

const workTrees: Readonly<Record<BenchmarkMarks["work_tree"]["state"], Look>> = {
	clean: ["Clean", "good", "check"],
	modified: ["Modified", "warn", "dirty"],
	foreign: ["Foreign", "bad", "warning"],
};

/** Which commit is there, and whether its files were changed: two marks, each standing for itself. */
export function TwoMarks({ marks }: { marks: BenchmarkMarks | undefined }) {
	if (!marks)
		return (
			<>
				<PendingMark label="Revision is being looked at" />
				<PendingMark label="Work tree is being looked at" />
			</>
		);
	const { revision, work_tree: tree } = marks;
	const [label, tone, icon] = revisions[revision.state];
	return (
		<>
			<Mark tone={tone} icon={icon} title={revisionTitle(revision)}>
				{label}
			</Mark>
			{revision.state === "local" || revision.state === "missing" ? null : <WorkTreeMark tree={tree} />}
		</>
	);
}

function WorkTreeMark({ tree }: { tree: BenchmarkMarks["work_tree"] }) {
	const [label, tone, icon] = workTrees[tree.state];
	const more = tree.total > tree.files.length ? `\n… ${tree.total - tree.files.length} more` : "";
	return (
		<Mark tone={tone} icon={icon} title={tree.files.length > 0 ? tree.files.slice(0, 20).join("\n") + more : undefined}>
			{label}
			{tree.total > 0 ? ` ${tree.total}` : ""}
		</Mark>
	);
}

function revisionTitle({
	sha,
	subject,
	wanted_ref: ref,
	wanted_sha: wanted,
	reason,
}: BenchmarkMarks["revision"]): string {
	const here = sha ? `${shortSha(sha)} ${subject ?? ""}`.trim() : "nothing is checked out";
	const there = wanted && wanted !== sha ? `, wanted: ${ref ?? ""} ${shortSha(wanted)}` : "";
	return `${here}${there}${reason ? `\n${reason}` : ""}`;
}
