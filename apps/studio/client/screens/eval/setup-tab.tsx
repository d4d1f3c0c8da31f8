import type { EvalAnswer, WorkspaceAnswer } from "../../../server/answers/evals.ts";
import { Fact, Facts } from "../../components/facts.tsx";
import { Mark } from "../../components/mark.tsx";
import { Panel } from "../../components/panel.tsx";
import { CommandList } from "./command-list.tsx";
import classes from "./setup-tab.module.css";
import { TargetList } from "./target-list.tsx";

/** What the eval needs to run: targets, workspace, hooks, extensions, variables. Names, never values. */
export function SetupTab({ data }: { data: EvalAnswer }) {
	return (
		<>
			<Panel title="Targets, as they resolve here" flush>
				<TargetList targets={data.targets} />
			</Panel>
			<Panel title="Workspace">
				{data.workspace ? (
					<Workspace workspace={data.workspace} />
				) : (
					<p className={classes.none}>None: tests run in the eval’s directory.</p>
				)}
			</Panel>
			{data.commands.length > 0 ? (
				<Panel title="What a run executes on this machine">
					<CommandList commands={data.commands} />
				</Panel>
			) : null}
			<Panel title="Variables">
				<Variables variables={data.variables} />
			</Panel>
			<Panel title="Portability">
				<Facts>
					<Fact term="Needs everything below">
						<span className="mono">{data.portable_root === "" ? "." : data.portable_root}</span>
					</Fact>
				</Facts>
			</Panel>
		</>
	);
}

function Workspace({ workspace: { template, isolation, repos } }: { workspace: WorkspaceAnswer }) {
	return (
		<Facts>
			<Fact term="Template">{template ? <span className="mono">{template}</span> : "none"}</Fact>
			<Fact term="Isolation">{isolation === "shared" ? "one, reset before each test" : "a copy for each test"}</Fact>
			{repos.map(({ path, repo, commit }) => (
				<Fact key={path} term={`Repository at ${path}`}>
					<span className="mono">
						{repo}
						{commit ? ` @ ${commit}` : ""}
					</span>
				</Fact>
			))}
		</Facts>
	);
}

const states = {
	set: ["good", "check", "set"],
	default: ["quiet", "info", "default"],
	unset: ["bad", "cross", "not set"],
} as const;

function Variables({ variables }: { variables: EvalAnswer["variables"] }) {
	if (variables.length === 0) return <p className={classes.none}>None are named.</p>;
	return (
		<ul className={classes.variables}>
			{variables.map(({ name, state }) => {
				const [tone, icon, words] = states[state];
				return (
					<li key={name}>
						<span className="mono">{name}</span>
						<Mark tone={tone} icon={icon}>
							{words}
						</Mark>
					</li>
				);
			})}
		</ul>
	);
}
