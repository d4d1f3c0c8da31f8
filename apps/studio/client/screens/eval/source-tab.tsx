import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import type { EvalAnswer } from "../../../server/answers/evals.ts";
import { SourceView } from "../../components/code/source-view.tsx";
import { Note } from "../../components/note.tsx";
import { Panel } from "../../components/panel.tsx";
import { Checks } from "./checks.tsx";
import classes from "./eval.module.css";
import { Findings } from "./findings.tsx";

const route = getRouteApi("/evals/$eval");

/** The file with its findings at their lines, and beside it what each of them means. */
export function SourceTab({ data }: { data: EvalAnswer }) {
	const { line } = route.useSearch();
	const own = useMemo(() => data.findings.filter((finding) => finding.own), [data.findings]);
	return (
		<div className={classes.columns}>
			<Panel title={<span className="mono">{data.file}</span>} flush>
				{data.source_cut ? <Note tone="warn" title="The file is longer than 1 MB: this is its beginning" /> : null}
				<SourceView label="Source" text={data.source} findings={own} line={line} />
			</Panel>
			<div className={classes.side}>
				<Findings data={data} />
				<Checks checks={data.checks} />
			</div>
		</div>
	);
}
