import { Link } from "@tanstack/react-router";
import type { RunAnswer, RunOriginAnswer } from "../../../server/answers/runs.ts";
import { Fact, Facts } from "../../components/facts.tsx";
import { Mark } from "../../components/mark.tsx";
import { moment, shortSha } from "../../lib/format.ts";
import classes from "./provenance.module.css";

/** What exactly was run: commit, revision, digests, versions. The short form always, the rest on demand. */
export function Provenance({ run }: { run: RunAnswer }) {
	const { commit, branch, dirty, benchmark, bundle, origin } = run.provenance;
	return (
		<details className={classes.provenance}>
			<summary>
				<span className={classes.what}>Provenance</span>
				{commit ? (
					<span>
						commit <span className="mono">{shortSha(commit)}</span>
						{branch ? ` on ${branch}` : ""}
					</span>
				) : (
					<span>no commit</span>
				)}
				{dirty ? (
					<Mark tone="warn" icon="dirty" title="Files differed from the commit">
						dirty
					</Mark>
				) : null}
				{benchmark ? (
					<span>
						{benchmark.id} <span className="mono">{benchmark.revision ? shortSha(benchmark.revision) : ""}</span>
					</span>
				) : null}
				{origin ? <span>{origin.kind === "regrade" ? "graded again" : "run again after failures"}</span> : null}
				{bundle ? (
					<span>
						bundle {bundle.name} <span className="mono">{bundle.digest.slice(0, 12)}</span>
					</span>
				) : null}
			</summary>
			<Whole run={run} />
		</details>
	);
}

function Whole({ run }: { run: RunAnswer }) {
	const { commit, benchmark, bundle, evals, targets, repositories, opaque, ...rest } = run.provenance;
	return (
		<Facts>
			<Fact term="Directory">
				<span className="mono">{run.directory}</span>
			</Fact>
			<Fact term="Started">{moment(run.started_at)}</Fact>
			<Fact term="Versions">
				AgentV {rest.agentv_version}, Node {rest.node_version}
			</Fact>
			{commit ? (
				<Fact term="Commit">
					<span className="mono">{commit}</span>
				</Fact>
			) : null}
			{benchmark ? (
				<Fact term="Benchmark revision">
					<Link to="/benchmarks/$benchmark" params={{ benchmark: benchmark.id }}>
						{benchmark.id}
					</Link>{" "}
					<span className="mono">{benchmark.revision}</span>
				</Fact>
			) : null}
			{rest.origin ? (
				<Fact term="Origin">
					<Origin origin={rest.origin} />
				</Fact>
			) : null}
			{bundle ? (
				<Fact term="Bundle digest">
					<span className="mono">{bundle.digest}</span>
				</Fact>
			) : null}
			{evals.map(({ file, digest }) => (
				<Fact key={file} term={file}>
					<span className="mono">{digest}</span>
				</Fact>
			))}
			{targets.map(({ name, provider, via, facts }) => (
				<Fact key={name} term={`Target ${name}`}>
					{[provider, ...Object.entries(facts).map(([key, value]) => `${key} ${value}`)].join(", ")}
					{via.length > 1 ? <span className="mono dim"> {via.join(" → ")}</span> : null}
				</Fact>
			))}
			{opaque.length > 0 ? (
				<Fact term="Not covered by fingerprints">
					{opaque.map(({ what, why }) => (
						<span key={`${what} ${why}`} className={classes.opaque}>
							<span className="mono">{what}</span> <span className="dim">{why}</span>
						</span>
					))}
				</Fact>
			) : null}
			{repositories.map(({ path, repo, sha }) => (
				<Fact key={path} term={`Repository at ${path}`}>
					<span className="mono">
						{repo} @ {shortSha(sha)}
					</span>
				</Fact>
			))}
		</Facts>
	);
}

/** The run that this one started from. */
function Origin({ origin: { kind, name, run, graders } }: { origin: RunOriginAnswer }) {
	const from =
		run === null ? (
			<span className="mono">{name}</span>
		) : (
			<Link to="/runs/$run" params={{ run }}>
				{name}
			</Link>
		);
	if (kind === "rerun_failed") return <>Runs again what did not pass in {from}</>;
	return (
		<>
			Grades the answers of {from} again{graders ? ` by ${graders.join(", ")}` : ""}: the figures of the target are
			those of that run
		</>
	);
}
