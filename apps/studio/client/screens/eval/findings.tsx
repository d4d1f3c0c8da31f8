import { Link } from "@tanstack/react-router";
import type { EvalAnswer } from "../../../server/answers/evals.ts";
import type { FindingAnswer, RuleAnswer } from "../../../server/answers/findings.ts";
import { Icon } from "../../components/icon.tsx";
import { Panel } from "../../components/panel.tsx";
import { plural } from "../../lib/format.ts";
import classes from "./findings.module.css";

/** More than these are counted, not listed: one mends a few and looks again. */
const mostListed = 200;

/** Everything that is wrong, worst first; each with what its rule is about. */
export function Findings({ data }: { data: EvalAnswer }) {
	const rules = new Map(data.rules.map((rule) => [rule.id, rule]));
	const sorted = [...data.findings].sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
	return (
		<Panel title="Findings" aside={summary(data)} flush>
			{sorted.length === 0 ? (
				<p className={classes.none}>
					<Icon name="check" /> Nothing is wrong: it runs wherever its repository is.
				</p>
			) : (
				<ul className={classes.list}>
					{sorted.slice(0, mostListed).map((finding) => (
						<Finding
							key={`${finding.rule} ${finding.file} ${finding.line} ${finding.column} ${finding.message}`}
							finding={finding}
							rule={rules.get(finding.rule)}
							evalId={data.id}
						/>
					))}
					{sorted.length > mostListed ? (
						<li className={classes.none}>… and {sorted.length - mostListed} more</li>
					) : null}
				</ul>
			)}
		</Panel>
	);
}

function summary({ errors, warnings }: EvalAnswer) {
	return (
		<span>
			{plural(errors, "error")}, {plural(warnings, "warning")}
		</span>
	);
}

function Finding(props: { finding: FindingAnswer; rule: RuleAnswer | undefined; evalId: string }) {
	const { finding, rule, evalId } = props;
	const { severity, message, hint, file, own, line, fixable } = finding;
	return (
		<li className={classes.finding} data-severity={severity}>
			<Icon name={severity === "error" ? "cross" : "warning"} />
			<div>
				<p className={classes.message}>{message}</p>
				{hint ? <p className={classes.hint}>{hint}</p> : null}
				<p className={classes.place}>
					{own ? (
						<Link to="/evals/$eval" params={{ eval: evalId }} search={{ line }} resetScroll={false}>
							Line {line}
						</Link>
					) : (
						<span className="mono">
							{file}:{line}
						</span>
					)}
					<span className="mono">{finding.rule}</span>
					{fixable ? <span className={classes.fixable}>Fix mends it</span> : null}
				</p>
				{rule ? <Rule rule={rule} /> : null}
			</div>
		</li>
	);
}

function Rule({ rule }: { rule: RuleAnswer }) {
	return (
		<details className={classes.rule}>
			<summary>Why, and how to mend it</summary>
			<p>
				<strong>{rule.summary}.</strong> {rule.why}
			</p>
			<p>{rule.mend}</p>
			<p className={classes.label}>Instead of</p>
			<pre>{rule.bad}</pre>
			<p className={classes.label}>write</p>
			<pre>{rule.good}</pre>
		</details>
	);
}
