// Measures a run's overhead over its models' time: 1,000 tests, 50 concurrently, at 50 ms each.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { median, report } from "./pairs.mjs";

const [tests, workers, answerMs, rounds] = [1000, 50, 50, 3];

/** Runs in a separate process, whose work does not count as the run's. */
function serve() {
	const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };
	const choices = [{ index: 0, message: { role: "assistant", content: "yes" }, finish_reason: "stop" }];
	const body = JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices, usage });
	const server = createServer((request, response) => {
		request.resume();
		setTimeout(() => response.writeHead(200, { "content-type": "application/json" }).end(body), answerMs);
	});
	server.listen(0, "127.0.0.1", () => process.send(server.address().port));
	process.once("disconnect", () => process.exit());
}

async function measure() {
	const server = fork(import.meta.filename, ["serve"]);
	const [port] = await once(server, "message");
	const place = mkdtempSync(join(tmpdir(), "agentv-bench-"));
	const agentv = resolve(import.meta.dirname, "../apps/cli/dist/bin.js");
	const rows = Array.from({ length: tests }, (_, index) => ({
		...{ id: `t${index}`, input: `question ${index}` },
		assertions: [{ type: "contains", value: "yes" }],
	}));
	const target = { name: "default", provider: "openai", model: "m", base_url: `http://127.0.0.1:${port}/v1` };
	writeFileSync(join(place, "my.eval.yaml"), "tests: ./tests.jsonl\n");
	writeFileSync(join(place, "tests.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
	writeFileSync(join(place, "targets.yaml"), JSON.stringify({ targets: [target] }));
	const times = [];
	try {
		for (let round = 0; round < rounds; round++) {
			const output = join(place, `run-${round}`);
			const args = ["eval", "run", "my.eval.yaml", "--workers", String(workers), "--output", output, "--json"];
			const env = { ...process.env, AGENTV_HOME: join(place, "home") };
			const child = fork(agentv, args, { cwd: place, env, silent: true });
			const [code] = await once(child, "exit");
			const summary = JSON.parse(readFileSync(join(output, "summary.json"), "utf8"));
			if (code !== 0 || summary.passed !== tests) throw new Error(`exit ${code}: ${JSON.stringify(summary)}`);
			times.push(summary.duration_ms);
		}
	} finally {
		server.disconnect();
		rmSync(place, { recursive: true, force: true });
	}
	const ideal = (tests / workers) * answerMs;
	const subject = median(times);
	report(
		`${tests} tests of a model, ${workers} concurrently`,
		{ baseline: ideal, subject, ratio: subject / ideal },
		1.3,
	);
}

if (process.argv[2] === "serve") serve();
else await measure();
