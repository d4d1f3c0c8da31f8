import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { FixAnswer, FixPreviewAnswer } from "../../../server/answers/evals.ts";
import { DiffView } from "../../components/code/diff-view.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Check } from "../../components/field.tsx";
import { Failure, Loading } from "../../components/load-state.tsx";
import { Note } from "../../components/note.tsx";
import { applyFix } from "../../lib/actions.ts";
import { plural } from "../../lib/format.ts";
import { fixPreviewQuery } from "../../lib/queries.ts";
import classes from "./fix-dialog.module.css";

interface FixDialogProps {
	readonly id: string;
	/** Its workspace has repositories, whose commits may be pinned. */
	readonly hasRepos: boolean;
	readonly onClose: () => void;
}

/** Shows what a fix would write, as a diff, and writes it once it is confirmed. */
export default function FixDialog({ id, hasRepos, onClose }: FixDialogProps) {
	const client = useQueryClient();
	const [modes, setModes] = useState({ migrate: false, pin: false });
	const preview = useQuery(fixPreviewQuery(id, modes));
	const fix = useMutation({
		mutationFn: (digest: string) => applyFix(id, digest, modes),
		onSuccess: () => client.invalidateQueries({ queryKey: ["evals"] }),
	});
	const digest = preview.data && preview.data.files.length > 0 ? preview.data.digest : undefined;
	return (
		<Dialog
			title={fix.data ? "Fixed" : "What a fix would write"}
			onClose={onClose}
			wide
			actions={
				<>
					<Button size="xs" variant="default" onClick={onClose}>
						{fix.data ? "Close" : "Cancel"}
					</Button>
					{digest && !fix.data ? (
						<Button size="xs" loading={fix.isPending} onClick={() => fix.mutate(digest)}>
							Write {plural(preview.data?.files.length ?? 0, "file")}
						</Button>
					) : null}
				</>
			}
		>
			{fix.data ? <Fixed answer={fix.data} /> : null}
			{fix.isError ? <Failure error={fix.error} retry={() => void preview.refetch().then(() => fix.reset())} /> : null}
			{fix.data ? null : (
				<>
					<Check
						label="Also write older spellings anew"
						checked={modes.migrate}
						onChange={(migrate) => setModes({ ...modes, migrate })}
					/>
					{hasRepos ? (
						<Check
							label="Also pin repositories to the commits that they are today"
							checked={modes.pin}
							onChange={(pin) => setModes({ ...modes, pin })}
						/>
					) : null}
					{preview.isPending ? <Loading label="Working it out" /> : null}
					{preview.isError ? <Failure error={preview.error} retry={() => void preview.refetch()} /> : null}
					{preview.data ? <Preview answer={preview.data} /> : null}
				</>
			)}
		</Dialog>
	);
}

function Fixed({ answer: { files, fixed, errors, warnings } }: { answer: FixAnswer }) {
	return (
		<Note tone="good" live title={`${plural(fixed, "finding")} mended in ${plural(files.length, "file")}`}>
			{files.map((file) => (
				<p key={file} className="mono">
					{file}
				</p>
			))}
			<p>
				{errors + warnings === 0
					? "Nothing else is wrong."
					: `${plural(errors, "error")} and ${plural(warnings, "warning")} are left.`}
			</p>
		</Note>
	);
}

function Preview({ answer: { files, changes, refused } }: { answer: FixPreviewAnswer }) {
	return (
		<>
			{files.length === 0 ? <Note tone="quiet" title="Nothing to write" /> : null}
			<ul className={classes.changes}>
				{changes.map(({ rule, file, says }) => (
					<li key={`${rule} ${file} ${says}`}>
						{says} <span className="dim mono">{rule}</span>
					</li>
				))}
			</ul>
			{files.map(({ file, diff, created }) => (
				<section key={file} className={classes.file}>
					<h3 className="mono">
						{file}
						{created ? <span className="dim"> (new)</span> : null}
					</h3>
					<DiffView label={`Changes of ${file}`} diff={diff} oneFile />
				</section>
			))}
			{refused.length > 0 ? (
				<Note tone="warn" title="What cannot be mended by itself">
					{refused.map(({ rule, reason }) => (
						<p key={`${rule} ${reason}`}>
							{reason} <span className="dim mono">{rule}</span>
						</p>
					))}
				</Note>
			) : null}
		</>
	);
}
