import type { SyncChanges, SyncPlan } from "@agentv/core";
import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { BenchmarkAnswer } from "../../server/describe-benchmark.ts";
import { Dialog } from "../components/dialog.tsx";
import { Field } from "../components/form.tsx";
import { Failure, LoadState } from "../components/page.tsx";
import { type Look, Note, StatusBadge, type Tone } from "../components/status.tsx";
import { api, previewQuery, unwrap, useReadOnly, writes } from "../lib/api.ts";
import { startActivity } from "../lib/benchmark-activity.ts";
import { plural, shortSha } from "../lib/format.ts";

const formId = "add-benchmark";

export function AddDialog({ onClose }: { onClose: () => void }) {
	const client = useQueryClient();
	const [fields, setFields] = useState({ location: "", id: "", ref: "", name: "" });
	const location = fields.location.trim();
	const isGit =
		fields.ref !== "" || /^(https?|ssh|git|file):\/\/|^[\w.-]+@[\w.-]+:|\.git$|\$\{\{/.test(fields.location);
	const add = useMutation({
		mutationFn: () => {
			const [id, ref, name] = [fields.id, fields.ref, fields.name].map((text) => text.trim() || undefined);
			return unwrap(writes.benchmarks.$post({ json: { location, id, ref, name } }));
		},
		onSuccess: async ({ id }) => {
			onClose();
			await client.invalidateQueries({ queryKey: ["benchmarks"] });
			if (isGit) await startActivity(client, "sync", id);
		},
	});
	const bind = (key: keyof typeof fields) => ({
		value: fields[key],
		onChange: (value: string) => setFields((before) => ({ ...before, [key]: value })),
	});
	return (
		<Dialog
			title="Add benchmark"
			onClose={onClose}
			cancel="Cancel"
			action={
				<Button variant="filled" type="submit" form={formId} loading={add.isPending} disabled={location === ""}>
					{isGit ? "Add and sync" : "Add"}
				</Button>
			}
		>
			<form
				id={formId}
				onSubmit={(event) => {
					event.preventDefault();
					add.mutate();
				}}
			>
				{add.isError ? <Failure error={add.error} /> : null}
				<Field
					label="Directory or git URL"
					hint="For example https://git.example.org/team/evals.git or ~/work/evals. May contain ${{ VARIABLES }}."
					required
					{...bind("location")}
				/>
				<Field label="ID" hint="Lowercase (default: derived from the location)." {...bind("id")} />
				<Field
					label="Branch, tag or commit"
					hint="For git repositories (default: the main branch of the remote)."
					{...bind("ref")}
				/>
				<Field label="Name" hint="Display name (default: the ID)." {...bind("name")} />
			</form>
		</Dialog>
	);
}

/** Does not delete the benchmark's directory. */
export function RemoveDialog({ benchmark, onClose }: { benchmark: BenchmarkAnswer; onClose: () => void }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const remove = useMutation({
		mutationFn: () => unwrap(writes.benchmarks[":id"].$delete({ param: { id: benchmark.id } })),
		onSuccess: async () => {
			onClose();
			await navigate({ to: "/" });
			await client.invalidateQueries({ queryKey: ["benchmarks"] });
		},
	});
	return (
		<Dialog
			title={`Remove ${benchmark.id}?`}
			onClose={onClose}
			cancel="Cancel"
			action={
				<Button variant="filled" color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
					Remove from registry
				</Button>
			}
		>
			<Text mb="xs">
				Removes the entry from <span className="mono">benchmarks.yaml</span>. The directory is not deleted:
			</Text>
			<p className="mono breaks">{benchmark.path}</p>
			{remove.isError ? <Failure error={remove.error} /> : null}
		</Dialog>
	);
}

/** Contacts the remote. */
const planQuery = (id: string) => previewQuery(["plan", id], () => api.benchmarks[":id"].plan.$get({ param: { id } }));

export function PlanDialog({ benchmark, onClose }: { benchmark: string; onClose: () => void }) {
	const client = useQueryClient();
	const readOnly = useReadOnly();
	const plan = useQuery(planQuery(benchmark));
	const hasChanges = plan.data && plan.data.action !== "none" && plan.data.action !== "refuse";
	const sync = () => {
		onClose();
		void startActivity(client, "sync", benchmark);
	};
	return (
		<Dialog
			title={`Changes of a sync of ${benchmark}`}
			onClose={onClose}
			wide
			cancel="Close"
			action={
				hasChanges && !readOnly ? (
					<Button variant="filled" onClick={sync}>
						Sync now
					</Button>
				) : null
			}
		>
			<LoadState query={plan} label="Contacting the remote">
				{(data) => <Plan plan={data} />}
			</LoadState>
		</Dialog>
	);
}

const planTones: Readonly<Record<SyncPlan["action"], Tone>> = {
	clone: "info",
	update: "info",
	move: "info",
	adopt: "warn",
	none: "good",
	skip: "quiet",
	refuse: "bad",
};

function Plan({ plan: { action, message, from, to, changes } }: { plan: SyncPlan }) {
	return (
		<Stack gap="md">
			<Note tone={planTones[action]} title={message} />
			{from !== to && to !== null ? (
				<Group gap="md" c="dimmed">
					<span className="mono">
						{from === null ? "nothing" : shortSha(from)} → {shortSha(to)}
					</span>
					{changes?.commits == null ? null : <span>{plural(changes.commits, "commit")}</span>}
				</Group>
			) : null}
			{changes ? <Changes changes={changes} /> : null}
		</Stack>
	);
}

const changeLooks = {
	added: ["good", "add", "added"],
	changed: ["info", "dirty", "changed"],
	removed: ["bad", "trash", "removed"],
} as const satisfies Record<string, Look>;
const maxFiles = 500;

function Changes({ changes }: { changes: SyncChanges }) {
	const files = (["added", "changed", "removed"] as const).flatMap((kind) =>
		changes[kind].map((file) => ({ kind, file })),
	);
	return (
		<>
			<ChangeGroup title="Executed by the next run" count={changes.executes.length} color="var(--warn)">
				{changes.executes.map(({ kind, what, eval: file, change }) => (
					<Change key={`${kind} ${what} ${file}`} change={change} what={what} note={`${kind} of ${file}`} />
				))}
			</ChangeGroup>
			<ChangeGroup title="Affected evals" count={changes.evals.length}>
				{changes.evals.map(({ file, change, tests }) => (
					<Change key={file} change={change} what={file} note={tests.length > 0 ? testsText(tests) : ""} />
				))}
			</ChangeGroup>
			<ChangeGroup title="Files" count={files.length}>
				{files.slice(0, maxFiles).map(({ kind, file }) => (
					<Change key={file} change={kind} what={file} note="" />
				))}
				{files.length > maxFiles ? <li className="dim">… and {files.length - maxFiles} more</li> : null}
			</ChangeGroup>
		</>
	);
}

function testsText(tests: readonly string[]): string {
	const shown = tests.slice(0, 12).join(", ");
	return `${plural(tests.length, "test")}: ${shown}${tests.length > 12 ? ", …" : ""}`;
}

interface ChangeGroupProps {
	readonly title: string;
	readonly count: number;
	readonly color?: string;
	readonly children: ReactNode;
}

function ChangeGroup({ title, count, color, children }: ChangeGroupProps) {
	if (count === 0) return null;
	return (
		<section>
			<h3 style={{ color }}>
				{title} <span className="dim">{count}</span>
			</h3>
			<Stack component="ul" gap={6} mt={6}>
				{children}
			</Stack>
		</section>
	);
}

function Change({ change, what, note }: { change: keyof typeof changeLooks; what: string; note: string }) {
	return (
		<Group component="li" gap="xs" wrap="nowrap" align="flex-start">
			<div style={{ flex: "none", width: 92 }}>
				<StatusBadge look={changeLooks[change]} />
			</div>
			<span className="breaks">
				<span className="mono">{what}</span>
				{note ? <div className="dim">{note}</div> : null}
			</span>
		</Group>
	);
}
