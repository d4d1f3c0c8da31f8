// Compares bundling a large template with `cp -r` plus `sha256sum`, and measures memory.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pairs, report } from "./pairs.mjs";

const agentv = resolve(import.meta.dirname, "../apps/cli/dist/bin.js");
const place = mkdtempSync(join(tmpdir(), "agentv-bench-bundle-"));

function writeEval(name, count, bytes) {
	const root = join(place, name);
	const line = "const total = items.reduce((sum, item) => sum + item.price_in_cents, 0); // some text\n";
	for (let index = 0; index < count; index++) {
		const directory = join(root, "template", `folder-${index % 100}`);
		if (index < 100) mkdirSync(directory, { recursive: true });
		// Many small files and a few large ones, as in a repository.
		const size = Math.floor((bytes / count) * (index % 10 === 0 ? 5.5 : 0.5));
		writeFileSync(join(directory, `module-${index}.ts`), line.repeat(Math.ceil(size / line.length)).slice(0, size));
	}
	const text =
		"target: {name: m, provider: mock}\nworkspace: ./template\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n";
	writeFileSync(join(root, "my.eval.yaml"), text);
	return root;
}

// Each round writes to its own directory, because creating files right after deleting many is slow.
let round = 0;
const fresh = (name) => join(place, `${name}-${round++}`);
const run = (program, ...args) => {
	const { status, stderr } = spawnSync(program, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 2 ** 28 });
	if (status !== 0) throw new Error(`${program}: ${stderr}`);
};

/** Returns KB. */
function peak(root) {
	const print = "process.on('exit', () => process.stderr.write('PEAK ' + process.resourceUsage().maxRSS))";
	const hook = `data:text/javascript,${encodeURIComponent(print)}`;
	const args = ["--import", hook, agentv, "bundle", join(root, "my.eval.yaml"), "-o", fresh("out")];
	const { stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
	return Number(/PEAK (\d+)/.exec(stderr)?.[1]);
}

try {
	const large = writeEval("large", 5000, 100e6);
	const template = join(large, "template");
	const baseline = () => {
		run("cp", "-r", template, fresh("copy"));
		run("sh", "-c", `find "${template}" -type f -print0 | xargs -0 sha256sum`);
	};
	const subject = () => run(process.execPath, agentv, "bundle", join(large, "my.eval.yaml"), "-o", fresh("out"));
	report(
		"bundle, 5,000 files of 100 MB, against cp -r + sha256sum",
		await pairs(baseline, subject, { rounds: 7, warmUps: 1 }),
		2,
	);
	const maxMb = peak(large) / 1000;
	console.log(`peak memory: ${maxMb.toFixed(0)} MB  (limit 200 MB: ${maxMb <= 200 ? "kept" : "EXCEEDED"})`);
	const few = peak(writeEval("few", 5000, 5e6));
	const many = peak(writeEval("many", 50_000, 50e6));
	const perFile = (many - few) / 45_000;
	console.log(
		`memory per additional file: ${perFile.toFixed(2)} KB  (limit 1 KB: ${perFile <= 1 ? "kept" : "EXCEEDED"})`,
	);
	if (maxMb > 200 || perFile > 1) process.exitCode = 1;
} finally {
	rmSync(place, { recursive: true, force: true });
}
