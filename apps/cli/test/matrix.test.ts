import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, agentvBin, tempTree } from "@agentv/test-support";
import { Job } from "kubernetes-models/batch/v1/Job";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const names = ["a", "b", "c", "d", "e", "f"];
const files = {
	"my.eval.yaml": `assertions: [{type: contains, value: yes}]\ntests:\n${names.map((id) => `  - {id: ${id}, input: hi}\n`).join("")}`,
	"targets.yaml": "targets:\n  - {name: default, provider: replay, fixtures: ./answers.jsonl}\n",
	"answers.jsonl": names.map((id) => `{"test_id": "${id}", "output": "yes"}\n`).join(""),
	// The real agentv, and one that only prints its arguments.
	"bin/agentv": '#!/bin/sh\nexec "$AGENTV_NODE" "$AGENTV_BIN" "$@"\n',
	"notes/agentv": '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n',
};
const hostile = [
	"it's *",
	'"; touch hacked; "',
	"$(touch hacked)",
	"`touch hacked`",
	"$HOME $$ $(HOME)",
	"-x",
	"ü & <b>",
	"yes",
	"1:30",
	"\\",
];

function project(more: Readonly<Record<string, string>> = {}): string {
	const cwd = tempTree({ ...files, ...more });
	for (const program of ["bin/agentv", "notes/agentv"]) chmodSync(join(cwd, program), 0o755);
	return cwd;
}

/** Runs a program with this folder of the project on its PATH. */
function runWith(folder: string, cwd: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
	const [program = "", ...args] = argv;
	return spawnSync(program, args, {
		cwd,
		encoding: "utf8",
		env: {
			PATH: `${join(cwd, folder)}:/usr/bin:/bin`,
			HOME: cwd,
			AGENTV_HOME: join(cwd, ".home"),
			AGENTV_NODE: process.execPath,
			AGENTV_BIN: agentvBin(),
			...env,
		},
	});
}

const words = (stdout: string) => stdout.split("\0").slice(0, -1);
const matrix = (cwd: string, ...args: string[]) => agentv(["eval", "matrix", "my.eval.yaml", ...args], { cwd });

describe("agentv eval matrix --format lines", () => {
	test("prints commands that together produce the whole run", async () => {
		const cwd = project();
		const { stdout, stderr, exitCode } = await matrix(cwd, "--shards", "3", "--workers", "1");
		expect({ stdout, stderr, exitCode }).toEqual({
			stdout: [1, 2, 3]
				.map((index) => `agentv eval run my.eval.yaml --workers 1 --shard ${index}/3 --output shards/${index}-of-3\n`)
				.join(""),
			stderr: "",
			exitCode: 0,
		});
		for (const line of stdout.trim().split("\n")) expect(runWith("bin", cwd, ["sh", "-c", line]).status).toBe(0);
		const merged = runWith("bin", cwd, ["sh", "-c", "agentv results merge shards/* --output merged"]);
		expect(merged).toMatchObject({ status: 0, stdout: expect.stringContaining("6 tests: 6 passed") });
	});

	test("passes on every option, quoted for the shell", async () => {
		const cwd = project();
		const given = [
			...["--target", "default", "--targets", "targets.yaml", "--limit", "9", "--workers", "2", "--threshold", "0.5"],
			...[
				"--repeat",
				"2",
				"--timeout",
				"7.5",
				"--experiment",
				"my experiment",
				"--env-file",
				".env",
				"--budget-usd",
				"0.01",
			],
			...hostile.flatMap((text) => ["--test", text]),
			...["--test", "*", "--keep-workspaces", "--bail", "--cache"],
		];
		writeFileSync(join(cwd, ".env"), "");
		const { stdout } = await matrix(cwd, "--shards", "1", "--output", "my results", ...given);
		const called = words(runWith("notes", cwd, ["sh", "-c", stdout]).stdout);
		expect(existsSync(join(cwd, "hacked"))).toBe(false);
		expect(called.slice(0, 3)).toEqual(["eval", "run", "my.eval.yaml"]);
		expect(called.slice(-4)).toEqual(["--shard", "1/1", "--output", "my results/1-of-1"]);
		const pairs = (list: readonly string[]) => list.join("\0");
		for (let index = 0; index < given.length - 3; index += 2)
			expect(pairs(called)).toContain(pairs(given.slice(index, index + 2)));
		expect(called).toEqual(expect.arrayContaining(["--keep-workspaces", "--bail", "--cache"]));
		const again = await agentv(["eval", "run", ...called.slice(2), "--dry-run"], { cwd });
		expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("as experiment my experiment") });
	});

	test("accepts eval names that look like options, and balances by a previous run", async () => {
		const cwd = project({ "-x.eval.yaml": files["my.eval.yaml"] });
		await agentv(["eval", "run", "my.eval.yaml", "--output", "previous"], { cwd });
		const args = ["eval", "matrix", "--shards", "2", "--durations-from", "previous", "--", "-x.eval.yaml"];
		const { stdout } = await agentv(args, { cwd });
		expect(stdout).toMatch(/^agentv eval run \.\/-x\.eval\.yaml --durations-from previous --shard 1\/2 /);
		const [line = ""] = stdout.split("\n");
		expect(runWith("bin", cwd, ["sh", "-c", line]).status).toBe(0);
	});
});

describe("agentv eval matrix --format github", () => {
	test("prints a matrix on one line", async () => {
		const cwd = project();
		const { stdout, exitCode } = await matrix(
			cwd,
			"--shards",
			"4",
			"--format",
			"github",
			"--test",
			"it's *",
			"--test",
			"*",
		);
		expect({ exitCode, lines: stdout.split("\n").length }).toEqual({ exitCode: 0, lines: 2 });
		const { include } = JSON.parse(stdout);
		expect(include.map(({ shard, name, output }: Record<string, string>) => [shard, name, output])).toEqual(
			[1, 2, 3, 4].map((index) => [`${index}/4`, `${index}-of-4`, `shards/${index}-of-4`]),
		);
		expect(include.reduce((sum: number, { tests }: { tests: number }) => sum + tests, 0)).toBe(6);
		for (const { shard, command } of include) {
			const called = words(runWith("notes", cwd, ["sh", "-c", command]).stdout);
			expect(called).toEqual(expect.arrayContaining(["it's *", shard]));
		}
	});
});

const k8s = (cwd: string, ...args: string[]) =>
	matrix(cwd, "--format", "k8s", "--shards", "3", "--image", "registry.example.com/evals:1", ...args);

interface Container {
	readonly command: readonly string[];
	readonly args: readonly string[];
}

function containerOf(manifest: string): Container {
	return parse(manifest).spec.template.spec.containers[0];
}

/**
 * Expands a container's command as Kubernetes does: `$(NAME)` if the variable exists, and `$$` as a
 * dollar sign.
 */
function expanded({ command, args }: Container, env: Readonly<Record<string, string>>): string[] {
	return [...command, ...args].map((text) =>
		text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name?: string) => (whole === "$$" ? "$" : (env[name ?? ""] ?? whole))),
	);
}

function startShard(folder: string, cwd: string, container: Container, index: number) {
	const env = { JOB_COMPLETION_INDEX: String(index), HOME: cwd };
	return runWith(folder, cwd, expanded(container, env), env);
}

describe("agentv eval matrix --format k8s", () => {
	test("prints a valid Indexed Job", async () => {
		const { stdout, exitCode } = await k8s(project(), "--secret", "keys", "--parallelism", "2", "--retries", "5");
		expect(exitCode).toBe(0);
		expect(stdout).toMatchInlineSnapshot(`
			"# 3 shards of a run. Results go to /results on the PersistentVolumeClaim agentv-results, which pods on all nodes
			# must be able to write to. Failed tests (exit code 1) are not retried; other failures are.
			# Retries of single shards need Kubernetes 1.29 or newer.
			apiVersion: batch/v1
			kind: Job
			metadata:
			  name: agentv-my
			  labels:
			    app.kubernetes.io/name: agentv
			    app.kubernetes.io/instance: agentv-my
			spec:
			  completionMode: Indexed
			  completions: 3
			  parallelism: 2
			  backoffLimitPerIndex: 5
			  maxFailedIndexes: 3
			  podFailurePolicy:
			    rules:
			      - action: Ignore
			        onPodConditions:
			          - type: DisruptionTarget
			            status: "True"
			      - action: FailIndex
			        onExitCodes:
			          containerName: agentv
			          operator: In
			          values:
			            - 1
			  template:
			    metadata:
			      labels:
			        app.kubernetes.io/name: agentv
			        app.kubernetes.io/instance: agentv-my
			    spec:
			      restartPolicy: Never
			      containers:
			        - name: agentv
			          image: registry.example.com/evals:1
			          command:
			            - sh
			            - -c
			            - |-
			              shard="$((JOB_COMPLETION_INDEX + 1))"
			              output="$2/$shard-of-$1"
			              shard="$shard/$1"
			              shift 2
			              if [ -e "$output/run.json" ]; then set -- "$@" --retry-errors; fi
			              exec agentv eval run "$@" --shard "$shard" --output "$output"
			            - agentv
			          args:
			            - "3"
			            - /results
			            - my.eval.yaml
			          envFrom:
			            - secretRef:
			                name: keys
			          volumeMounts:
			            - name: results
			              mountPath: /results
			      volumes:
			        - name: results
			          persistentVolumeClaim:
			            claimName: agentv-results
			"
		`);
		const job = parse(stdout);
		expect(parse(stdout, { version: "1.1" })).toEqual(job);
		expect(() => new Job(job).validate()).not.toThrow();
		// Checks that the schema refuses invalid Jobs.
		for (const broken of [
			{ ...job, spec: { ...job.spec, completions: "3" } },
			{ ...job, spec: { ...job.spec, podFailurePolicy: { rules: [{ onExitCodes: { values: [1] } }] } } },
			{ ...job, spec: { ...job.spec, template: undefined } },
		])
			expect(() => new Job(broken).validate()).toThrow();
	});

	test("runs each shard in its container, and resumes in a restarted pod", async () => {
		const cwd = project();
		const container = containerOf((await k8s(cwd, "--output", join(cwd, "results/"))).stdout);
		const lines = readFileSync(join(cwd, "answers.jsonl"), "utf8");
		writeFileSync(join(cwd, "answers.jsonl"), "");
		const codes = [0, 1, 2].map((index) => startShard("bin", cwd, container, index).status);
		expect(codes).toContain(4);
		appendFileSync(join(cwd, "answers.jsonl"), lines);
		for (const index of [0, 1, 2]) expect(startShard("bin", cwd, container, index).status).toBe(0);
		const merged = runWith("bin", cwd, ["sh", "-c", "agentv results merge results/*-of-3 --output merged"]);
		expect(merged).toMatchObject({ status: 0, stdout: expect.stringContaining("6 tests: 6 passed") });
	});

	test("protects options from expansion by Kubernetes and the shell", async () => {
		const cwd = project();
		const tests = hostile.flatMap((text) => ["--test", text]);
		const { stdout } = await k8s(cwd, ...tests, "--test", "*");
		const called = startShard("notes", cwd, containerOf(stdout), 1);
		expect(words(called.stdout)).toEqual([
			...["eval", "run", "my.eval.yaml", ...tests, "--test", "*"],
			...["--shard", "2/3", "--output", "/results/2-of-3"],
		]);
		expect(existsSync(join(cwd, "hacked"))).toBe(false);
		expect(parse(stdout, { version: "1.1" })).toEqual(parse(stdout));
	});

	test("names the Job after the eval", async () => {
		const nameOf = async (file: string) => {
			const cwd = project({ [file]: files["my.eval.yaml"] });
			const args = ["eval", "matrix", file, "--shards", "3", "--format", "k8s", "--image", "evals"];
			const job = parse((await agentv(args, { cwd })).stdout);
			expect(() => new Job(job).validate()).not.toThrow();
			return job.metadata.name;
		};
		expect(await nameOf("Sums & More.eval.yaml")).toBe("agentv-sums-more");
		expect(await nameOf("日本.eval.yaml")).toBe("agentv-eval");
		expect((await nameOf(`${"x ".repeat(60)}.eval.yaml`)).length).toBeLessThan(51);
	});
});

test("agentv eval matrix exits with 2 for wrong usage and for a configuration that can't be run", async () => {
	const cwd = project();
	const said = async (...args: string[]) => {
		const { exitCode, stderr, stdout } = await agentv(["eval", "matrix", ...args], { cwd });
		expect({ args, exitCode, stdout }).toEqual({ args, exitCode: 2, stdout: "" });
		return stderr;
	};
	const k8sArgs = ["my.eval.yaml", "--shards", "2", "--format", "k8s"];
	expect(await said("my.eval.yaml")).toContain("--shards");
	expect(await said("--shards", "2")).toContain("missing required argument 'evals'");
	expect(await said("my.eval.yaml", "--shards", "0")).toContain("positive integer");
	expect(await said("my.eval.yaml", "--shards", "2", "--format", "gitlab")).toContain("github, k8s, lines");
	expect(await said("my.eval.yaml", "--shards", "2", "--image", "x")).toContain("--image requires --format k8s");
	expect(await said("my.eval.yaml", "--shards", "257", "--format", "github")).toContain("at most 256 jobs");
	expect(await said("my.eval.yaml", "--shards", "2", "--test", "a\nb", "--test", "*")).toContain("control character");
	expect(await said("my.eval.yaml", "--shards", "2", "--target", "unknown")).toContain("unknown");
	expect(await said("my.eval.yaml", "--shards", "2", "--test", "nothing")).toContain("no test matches");
	expect(await said("my.eval.yaml", "--shards", "2", "--durations-from", "none")).toContain('no run "none"');
	expect(await said(...k8sArgs)).toContain("--format k8s requires --image");
	expect(await said(...k8sArgs, "--image", "a b")).toContain("--image");
	expect(await said(...k8sArgs, "--image", "x", "--name", "Upper")).toContain("--name");
	expect(await said(...k8sArgs, "--image", "x", "--name", "x".repeat(63))).toContain("at most 61 characters");
	expect(await said(...k8sArgs, "--image", "x", "--secret", "a_b")).toContain("--secret");
	expect(await said(...k8sArgs, "--image", "x", "--claim", "-a")).toContain("--claim");
	expect(await said(...k8sArgs, "--image", "x", "--output", "results")).toContain("an absolute path");
	expect(await said(...k8sArgs, "--image", "x", "--parallelism", "3")).toContain("more than 2 shards");
});
