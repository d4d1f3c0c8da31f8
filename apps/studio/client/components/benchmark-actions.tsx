import { ActionIcon, Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import type { BenchmarkAnswer } from "../../server/answers/benchmarks.ts";
import { startActivity } from "../lib/sync-activity.ts";
import { useReadOnly } from "../lib/use-read-only.ts";
import { Icon } from "./icon.tsx";

const PlanDialog = lazy(() => import("./plan-dialog.tsx"));
const RemoveDialog = lazy(() => import("./remove-dialog.tsx"));

/** Sync, preview and check where there is something to sync; remove always. */
export function BenchmarkActions({ benchmark, busy }: { benchmark: BenchmarkAnswer; busy: boolean }) {
	const client = useQueryClient();
	const readOnly = useReadOnly();
	const [open, setOpen] = useState<"plan" | "remove">();
	const { id, source } = benchmark;
	const close = () => setOpen(undefined);
	const isGit = source !== null;
	return (
		<>
			{isGit && !readOnly ? (
				<Button
					size="compact-sm"
					variant="default"
					leftSection={<Icon name="sync" />}
					disabled={busy}
					aria-label={`Sync ${id}`}
					onClick={() => void startActivity(client, "sync", id)}
				>
					Sync
				</Button>
			) : null}
			{isGit ? (
				<Button
					size="compact-sm"
					variant="default"
					disabled={busy}
					aria-label={`Preview sync of ${id}`}
					onClick={() => setOpen("plan")}
				>
					Preview
				</Button>
			) : null}
			{isGit && !readOnly ? (
				<Small
					label={`Check status of ${id}`}
					icon="remote"
					disabled={busy}
					onClick={() => void startActivity(client, "status", id)}
				/>
			) : null}
			{readOnly ? null : (
				<Small label={`Remove ${id}`} icon="trash" disabled={busy} onClick={() => setOpen("remove")} />
			)}
			{open === "plan" ? (
				<Suspense>
					<PlanDialog benchmark={id} onClose={close} />
				</Suspense>
			) : null}
			{open === "remove" ? (
				<Suspense>
					<RemoveDialog benchmark={benchmark} onClose={close} />
				</Suspense>
			) : null}
		</>
	);
}

function Small(props: { label: string; icon: "remote" | "trash"; disabled: boolean; onClick: () => void }) {
	return (
		<ActionIcon
			size={26}
			variant="subtle"
			color="gray"
			aria-label={props.label}
			title={props.label}
			disabled={props.disabled}
			onClick={props.onClick}
		>
			<Icon name={props.icon} size={15} />
		</ActionIcon>
	);
}
