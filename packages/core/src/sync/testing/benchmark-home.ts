import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, gitTestEnvironment, type TestRepository, tempTree, git as testGit } from "@agentv/test-support";
import type { BenchmarkReport } from "../benchmark-report.ts";
import { benchmarkStatus } from "../benchmark-status.ts";
import type { StatusOptions, SyncEvent, SyncOptions, SyncPlan, SyncResult } from "../make-plan.ts";
import { planSync, sync } from "../sync.ts";

/** A home with a registry, an upstream work tree, and its bare repository. */
export interface BenchmarkHome {
	readonly root: string;
	readonly env: Readonly<Record<string, string>>;
	readonly upstream: TestRepository;
	/** The bare repository; `url` is its file:// URL. */
	readonly bare: string;
	readonly url: string;
	/** Directory of the clone of `b`. */
	readonly clone: string;
	/** Writes the registry: entry `b` with this source, and additional lines. */
	register(source: { readonly url?: string; readonly ref?: string }, additional?: string): void;
	/** Commits to upstream and publishes. */
	publish(files: Parameters<TestRepository["commit"]>[0], message?: string): string;
	git(...args: string[]): string;
	read(file: string): string | undefined;
	sync(options?: Partial<SyncOptions>): Promise<SyncResult>;
	events(options?: Partial<SyncOptions>): Promise<SyncEvent[]>;
	plan(options?: Partial<SyncOptions>): Promise<SyncPlan>;
	status(options?: Partial<StatusOptions>): Promise<BenchmarkReport>;
	/** Returns every file of the clone's work tree with its content, and the names of its refs. */
	snapshot(): unknown;
}

/** Creates such a home below a temporary directory. */
export function benchmarkHome(
	files: Parameters<TestRepository["commit"]>[0] = { "a.txt": "1\n", "b.txt": "1\n" },
): BenchmarkHome {
	const root = tempTree();
	const home = join(root, "home");
	mkdirSync(join(home, ".agentv"), { recursive: true });
	const env = { ...gitTestEnvironment, HOME: home };
	const upstream = gitRepository(join(root, "work"), files);
	const bare = upstream.pushTo(join(root, "served/repo.git"));
	const clone = join(root, "clone");
	const events = async (options: Partial<SyncOptions> = {}) => {
		const seen: SyncEvent[] = [];
		for await (const event of sync({ env, ids: ["b"], ...options })) seen.push(event);
		return seen;
	};
	return {
		...{ root, env, upstream, bare, clone, url: `file://${bare}`, events },
		register(source, additional = "") {
			const ref = source.ref === undefined ? "" : `\n      ref: ${JSON.stringify(source.ref)}`;
			const entry = `  - id: b\n    path: ${clone}\n    source:\n      url: ${JSON.stringify(source.url ?? `file://${bare}`)}${ref}\n`;
			writeFileSync(join(home, ".agentv/benchmarks.yaml"), `benchmarks:\n${entry}${additional}`);
		},
		publish(changes, message) {
			const sha = upstream.commit(changes, message);
			upstream.pushTo(bare);
			return sha;
		},
		git: (...args) => testGit(clone, ...args),
		read: (file) => (existsSync(join(clone, file)) ? readFileSync(join(clone, file), "utf8") : undefined),
		async sync(options) {
			const last = (await events(options)).at(-1);
			if (last?.type !== "outcome" || !last.results[0]) throw new Error("the sync ended without a result");
			return last.results[0];
		},
		async plan(options = {}) {
			const [plan] = await planSync({ env, ids: ["b"], ...options });
			if (!plan) throw new Error("no plan");
			return plan;
		},
		async status(options = {}) {
			const [report] = (await benchmarkStatus({ env, ids: ["b"], ...options })).benchmarks;
			if (!report) throw new Error("no report");
			return report;
		},
		snapshot: () => ({
			files: filesBelow(clone).map((file) => [file, readFileSync(join(clone, file), "utf8")]),
			head: existsSync(join(clone, ".git")) ? readFileSync(join(clone, ".git/HEAD"), "utf8") : undefined,
			refs: existsSync(join(clone, ".git")) ? testGit(clone, "for-each-ref") : undefined,
			registry: readFileSync(join(home, ".agentv/benchmarks.yaml"), "utf8"),
		}),
	};
}

function filesBelow(directory: string): string[] {
	if (!existsSync(directory)) return [];
	const names = readdirSync(directory, { recursive: true, withFileTypes: true });
	return names
		.filter((entry) => entry.isFile() && !`${entry.parentPath}/`.includes("/.git/"))
		.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
		.sort();
}
