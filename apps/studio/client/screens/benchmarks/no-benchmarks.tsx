import { Button } from "@mantine/core";
import { Empty } from "../../components/empty.tsx";
import classes from "./no-benchmarks.module.css";

/** The registry is empty: the three ways to add a benchmark. */
export function NoBenchmarks({ registry, add }: { registry: string; add: (() => void) | undefined }) {
	return (
		<div className={classes.place}>
			<Empty icon="folder" title="No benchmarks yet">
				<p>A benchmark is a git repository, or a directory, that holds evals. There are three ways to add one.</p>
			</Empty>
			<ol className={classes.ways}>
				<li>
					<h2>Here</h2>
					<p>Name a directory or a git URL.</p>
					{add ? (
						<Button size="xs" onClick={add}>
							Add benchmark
						</Button>
					) : (
						<p>This Studio is read-only.</p>
					)}
				</li>
				<li>
					<h2>In a terminal</h2>
					<p>The list on this page is the same one.</p>
					<pre>agentv benchmark add https://git.example.org/team/evals.git</pre>
				</li>
				<li>
					<h2>In the registry file</h2>
					<p className="mono breaks">{registry}</p>
					<pre>
						{
							"benchmarks:\n  - id: team-evals\n    path: team-evals\n    source:\n      url: https://git.example.org/team/evals.git\n      ref: main"
						}
					</pre>
				</li>
			</ol>
		</div>
	);
}
