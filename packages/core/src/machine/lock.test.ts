import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileModules, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { withLock } from "./lock.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts a process that runs `script`, which can use `withLock`. */
function start(cwd: string, script: string): ChildProcess {
	const lock = compileModules(new URL("./lock.ts", import.meta.url).pathname);
	writeFileSync(
		join(cwd, "process.mjs"),
		`import { withLock } from ${JSON.stringify(lock)};\nimport fs from "node:fs";\n${script}`,
	);
	return spawn(process.execPath, ["process.mjs"], { cwd, stdio: "inherit" });
}

describe("a lock within one process", () => {
	test("runs one task after the other, and returns its result or error", async () => {
		const root = tempTree({ file: "" });
		const log: string[] = [];
		const work = (name: string) => async () => {
			log.push(`${name} begins`);
			await pause(20);
			log.push(`${name} ends`);
			return name;
		};
		const both = [withLock(join(root, "file"), work("a")), withLock(join(root, "file"), work("b"))];
		expect(await Promise.all(both)).toEqual(["a", "b"]);
		expect(log.map((line) => line.split(" ")[1])).toEqual(["begins", "ends", "begins", "ends"]);
		const failing = withLock(join(root, "file"), () => Promise.reject(new Error("from the work")));
		await expect(failing).rejects.toThrow("from the work");
		expect(readdirSync(root)).toEqual(["file"]);
	});

	test("is shared by two names of one directory, even if the directory does not exist yet", async () => {
		const root = tempTree({ "real/x": "" });
		symlinkSync("real", join(root, "link"));
		const lockDirectory = join(root, "locks");
		await withLock(
			join(root, "real/new"),
			async () => {
				const second = withLock(join(root, "link/new"), () => "in", { lockDirectory, waitMs: 0 });
				await expect(second).rejects.toMatchObject({
					code: "failed",
					message: expect.stringContaining("is in use by process"),
				});
				expect(await withLock(join(root, "real/other"), () => "free", { lockDirectory, waitMs: 0 })).toBe("free");
			},
			{ lockDirectory },
		);
		expect(readdirSync(lockDirectory)).toEqual([]);
	});

	test("reports once that it waits, and stops waiting after a timeout or abort", async () => {
		const path = join(tempTree(), "x");
		await withLock(path, async () => {
			const waited: number[] = [];
			const onWait = (pid: number) => waited.push(pid);
			await expect(withLock(path, () => 0, { waitMs: 60, onWait })).rejects.toMatchObject({ code: "failed" });
			expect(waited).toEqual([process.pid]);
			const signal = AbortSignal.timeout(30);
			await expect(withLock(path, () => 0, { signal })).rejects.toMatchObject({ code: "interrupted" });
		});
	});
});

describe("a lock among processes", () => {
	test("is taken over immediately if its holder was killed", async () => {
		const root = tempTree();
		const holder = start(
			root,
			'await withLock("goal", () => { fs.writeFileSync("held", ""); return new Promise(() => setInterval(() => 0, 1000)); });',
		);
		await waitUntil(() => existsSync(join(root, "held")));
		await expect(withLock(join(root, "goal"), () => 0, { waitMs: 50 })).rejects.toMatchObject({ code: "failed" });
		holder.kill("SIGKILL");
		await once(holder, "exit");
		const begun = performance.now();
		expect(await withLock(join(root, "goal"), () => "mine")).toBe("mine");
		expect(performance.now() - begun).toBeLessThan(200);
		expect(readdirSync(root).filter((name) => name.includes("lock"))).toEqual([]);
	});

	test("is not kept by a reused process id, but by a file without content", async () => {
		const root = tempTree();
		await withLock(join(root, "a"), () => {
			const owner = JSON.parse(readFileSync(join(root, ".a.lock"), "utf8"));
			writeFileSync(join(root, ".b.lock"), JSON.stringify({ ...owner, token: "t", started: "1" }));
		});
		expect(await withLock(join(root, "b"), () => "mine", { waitMs: 0 })).toBe("mine");
		writeFileSync(join(root, ".c.lock"), "");
		await expect(withLock(join(root, "c"), () => 0, { waitMs: 0 })).rejects.toMatchObject({ code: "failed" });
	});

	test("admits one of 20 processes and loses no count, even if some are killed", async () => {
		const root = tempTree({ counter: "0" });
		const script = `
			const dying = Number(process.env.N) % 5 === 0;
			for (let round = 0; round < 10; round++) {
				await withLock("counter", async () => {
					try { fs.mkdirSync("inside-" + (fs.readFileSync("counter", "utf8"))); } catch (error) { fs.appendFileSync("wrong", String(error)); }
					const count = Number(fs.readFileSync("counter", "utf8"));
					await new Promise((next) => setTimeout(next, Math.random() * 3));
					fs.writeFileSync("counter", String(count + 1));
					if (dying && round === 4) process.kill(process.pid, "SIGKILL");
				});
			}`;
		const lock = compileModules(new URL("./lock.ts", import.meta.url).pathname);
		writeFileSync(
			join(root, "many.mjs"),
			`import { withLock } from ${JSON.stringify(lock)};\nimport fs from "node:fs";\n${script}`,
		);
		const all = Array.from({ length: 20 }, (_, index) =>
			spawn(process.execPath, ["many.mjs"], { cwd: root, stdio: "inherit", env: { ...process.env, N: String(index) } }),
		);
		await Promise.all(all.map((child) => once(child, "exit")));
		expect(existsSync(join(root, "wrong"))).toBe(false);
		expect(readFileSync(join(root, "counter"), "utf8")).toBe(String(16 * 10 + 4 * 5));
		// The process that was killed last may have left its lock behind.
		expect(await withLock(join(root, "counter"), () => "mine", { waitMs: 0 })).toBe("mine");
		expect(readdirSync(root).filter((name) => name.includes(".lock"))).toEqual([]);
	});
});

describe("an invalid lock file", () => {
	const long = new Date(Date.now() - 3_600_000);
	const planted = (files: Record<string, string>) => {
		const root = tempTree({ "thing/a": "", ...files });
		for (const name of Object.keys(files)) utimesSync(join(root, name), long, long);
		return root;
	};

	test("in a cycle is refused", async () => {
		const owner = JSON.stringify({ token: "a", pid: 0, machine: "" });
		const root = planted({ ".thing.lock": owner, ".thing.lock.a": owner });
		await expect(withLock(join(root, "thing"), async () => "done", {})).rejects.toThrow(/not an AgentV lock file/);
	});

	test.each([{ token: "/../../x" }, { token: 1 }, { pid: "1" }, { machine: 7 }, { started: {} }])(
		"that contains %j is ignored",
		async (said) => {
			const owner = JSON.stringify({ token: "a", pid: 0, machine: "", ...said });
			const root = planted({ ".thing.lock": owner });
			expect(await withLock(join(root, "thing"), async () => "done", {})).toBe("done");
			expect(readdirSync(root)).toEqual(["thing"]);
		},
	);
});
