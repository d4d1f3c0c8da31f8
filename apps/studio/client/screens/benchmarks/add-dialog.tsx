import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Dialog } from "../../components/dialog.tsx";
import { Field } from "../../components/field.tsx";
import { Failure } from "../../components/load-state.tsx";
import { addBenchmark } from "../../lib/actions.ts";
import { startActivity } from "../../lib/sync-activity.ts";

const form = "add-benchmark";

/** Takes a directory or a git repository into the registry; a repository is synced at once. */
export default function AddDialog({ onClose }: { onClose: () => void }) {
	const client = useQueryClient();
	const [fields, setFields] = useState({ location: "", id: "", ref: "", name: "" });
	const set = (key: keyof typeof fields) => (value: string) => setFields((before) => ({ ...before, [key]: value }));
	const isGit =
		fields.ref !== "" || /^(https?|ssh|git|file):\/\/|^[\w.-]+@[\w.-]+:|\.git$|\$\{\{/.test(fields.location);
	const add = useMutation({
		mutationFn: () =>
			addBenchmark({
				location: fields.location.trim(),
				...(fields.id.trim() === "" ? {} : { id: fields.id.trim() }),
				...(fields.ref.trim() === "" ? {} : { ref: fields.ref.trim() }),
				...(fields.name.trim() === "" ? {} : { name: fields.name.trim() }),
			}),
		onSuccess: async ({ id }) => {
			onClose();
			await client.invalidateQueries({ queryKey: ["benchmarks"] });
			if (isGit) await startActivity(client, "sync", id);
		},
	});
	return (
		<Dialog
			title="Add benchmark"
			onClose={onClose}
			actions={
				<>
					<Button size="xs" variant="default" onClick={onClose}>
						Cancel
					</Button>
					<Button size="xs" type="submit" form={form} loading={add.isPending} disabled={fields.location.trim() === ""}>
						{isGit ? "Add and sync" : "Add"}
					</Button>
				</>
			}
		>
			<form
				id={form}
				onSubmit={(event) => {
					event.preventDefault();
					add.mutate();
				}}
			>
				{add.isError ? <Failure error={add.error} /> : null}
				<Field
					label="Directory or git URL"
					hint="For example https://git.example.org/team/evals.git, or ~/work/evals. May hold ${{ VARIABLES }}."
					value={fields.location}
					onChange={set("location")}
					required
					mono
				/>
				<Field
					label="Id"
					hint="Lower-case; made from the location where left empty."
					value={fields.id}
					onChange={set("id")}
					mono
				/>
				<Field
					label="Branch, tag or commit"
					hint="For git repositories; the remote's main branch where left empty."
					value={fields.ref}
					onChange={set("ref")}
					mono
				/>
				<Field
					label="Name"
					hint="How it is called on this page; the id where left empty."
					value={fields.name}
					onChange={set("name")}
				/>
			</form>
		</Dialog>
	);
}
