import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { EvalAnswer } from "../../server/describe-eval.ts";
import { Facts, mono, Panel } from "../components/page.tsx";
import { Icon, type Look, StatusBadge } from "../components/status.tsx";

/** Shows the names of variables, never their values. */
export function Setup({ data }: { data: EvalAnswer }) {
	return (
		<>
			<Panel title="Resolved targets" flush>
				<TargetList targets={data.targets} />
			</Panel>
			<Panel title="Workspace">
				{data.workspace ? (
					<Workspace workspace={data.workspace} />
				) : (
					<p className="dim">None: tests run in the eval’s directory.</p>
				)}
			</Panel>
			{data.commands.length > 0 ? (
				<Panel title="Commands that a run executes on this machine" flush>
					<CommandList commands={data.commands} />
				</Panel>
			) : null}
			<Panel title="Variables">
				<Variables variables={data.variables} />
			</Panel>
			<Panel title="Portability">
				<Facts of={{ "Requires everything under": mono(data.portable_root || ".") }} />
			</Panel>
		</>
	);
}

function Workspace({ workspace: { template, isolation, repos } }: { workspace: NonNullable<EvalAnswer["workspace"]> }) {
	return (
		<Facts
			of={{
				Template: mono(template) ?? "none",
				Isolation: isolation === "shared" ? "one workspace, reset before each test" : "a copy for each test",
				...Object.fromEntries(
					repos.map(({ path, repo, commit }) => [
						`Repository at ${path}`,
						mono(`${repo}${commit ? ` @ ${commit}` : ""}`),
					]),
				),
			}}
		/>
	);
}

const variableLooks: Readonly<Record<EvalAnswer["variables"][number]["state"], Look>> = {
	set: ["good", "check", "set"],
	default: ["quiet", "info", "default"],
	unset: ["bad", "cross", "not set"],
};

function Variables({ variables }: { variables: EvalAnswer["variables"] }) {
	if (variables.length === 0) return <p className="dim">No variables are used.</p>;
	return (
		<Group component="ul" gap="8px 28px">
			{variables.map(({ name, state }) => (
				<Group component="li" key={name} gap={8} className="breaks">
					{mono(name)} <StatusBadge look={variableLooks[state]} />
				</Group>
			))}
		</Group>
	);
}

const roles = { target: "runs the tests", grader: "grades outputs", fallback: "fallback" } as const;

export function TargetList({ targets }: { targets: readonly EvalAnswer["targets"][number][] }) {
	return (
		<ul className="divided">
			{targets.map((target) => (
				<li key={`${target.role} ${target.name}`}>
					<strong>{target.name}</strong> <span className="dim">{roles[target.role]}</span>
					<Group gap="3px 22px">
						<span>
							{[target.provider, target.model].filter(Boolean).join(" · ")}
							{target.via.length > 1 ? <span className="dim mono"> {target.via.join(" → ")}</span> : null}
						</span>
						{target.host ? (
							<span>
								<span className="dim">connects to</span> <span className="mono">{target.host}</span>
							</span>
						) : null}
						{target.keys.map(({ name, set }) => (
							<Group key={name} gap={6}>
								<span className="dim">receives</span> <span className="mono">{name}</span>
								<StatusBadge look={variableLooks[set ? "set" : "unset"]} />
							</Group>
						))}
					</Group>
					{target.literal_key ? <Warning>An API key is stored in plain text</Warning> : null}
					{target.inherits_environment ? (
						<p className="dim">A local program: it inherits all environment variables.</p>
					) : null}
					{target.problem ? <Warning>{target.problem}</Warning> : null}
				</li>
			))}
		</ul>
	);
}

function Warning({ children }: { children: ReactNode }) {
	return (
		<Group gap={7} mt={4} wrap="nowrap" align="baseline" c="var(--bad)">
			<Icon name="warning" /> <Text span>{children}</Text>
		</Group>
	);
}

const commandKinds: Readonly<Record<EvalAnswer["commands"][number]["kind"], string>> = {
	hook: "hook",
	extension: "extension",
	preprocessor: "preprocessor",
	grader: "grader",
	prompt: "prompt of",
	target: "target",
	healthcheck: "health check of",
};

export function CommandList({ commands }: { commands: readonly EvalAnswer["commands"][number][] }) {
	return (
		<ul className="divided">
			{commands.map(({ kind, name, command, at, shell }) => (
				<Group component="li" key={`${kind} ${name} ${at} ${command}`} gap="2px 16px" align="flex-start">
					<Text span c="dimmed" flex="0 1 160px">
						{commandKinds[kind]} <span className="mono">{name}</span>
					</Text>
					<div style={{ flex: "1 1 260px", minWidth: 0 }}>
						<code>{command}</code>
						<Group gap="4px 10px" c="dimmed" fz="xs">
							<span className="mono">{at}</span>
							{shell ? (
								<StatusBadge
									look={["warn", "warning", "in a shell"]}
									title="The files that a shell command uses can't be resolved statically"
								/>
							) : null}
						</Group>
					</div>
				</Group>
			))}
		</ul>
	);
}
