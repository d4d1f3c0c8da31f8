import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { testBrowser } from "@agentv/test-support/browser";
import type { Page } from "playwright-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { smallEval } from "./testing/evals.ts";
import { type OpenStudio, openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();

/** Starts a foreign server on another port of 127.0.0.1, which records its requests. */
async function neighbour(html = ""): Promise<{ url: string; received: IncomingMessage[] }> {
	const received: IncomingMessage[] = [];
	const server: Server = createServer((request, response) => {
		received.push(request);
		response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><title>neighbour</title>${html}`);
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received };
}

/** Opens the list of evals in the owner's logged-in browser. */
async function ownersPage(studio: OpenStudio): Promise<Page> {
	const page = await browser.page();
	await page.goto(studio.link("here"));
	await page.getByRole("link", { name: /sums.eval.yaml/ }).waitFor();
	return page;
}

/** Opens a page whose console may have errors, because the browser blocks requests. */
async function visitorsPage(owner: Page): Promise<Page> {
	return owner.context().newPage();
}

async function runs(studio: OpenStudio): Promise<unknown[]> {
	return JSON.parse(await studio.agentv("results", "list", "--json")).runs;
}

describe("the owner's browser", () => {
	test("is logged in by the link, also in other tabs, without a secret in the URL", async () => {
		const studio = await openStudio({ files: smallEval("sums", ["one"]) });
		const page = await ownersPage(studio);
		expect(page.url()).toBe(`${studio.url}here`);
		const tab = await page.context().newPage();
		await tab.goto(`${studio.url}here`);
		await tab.getByRole("link", { name: /sums.eval.yaml/ }).waitFor();
		expect(await tab.content()).not.toMatch(/~[\w-]{43}/);
		await tab.reload();
		await tab.getByRole("link", { name: /sums.eval.yaml/ }).waitFor();
	});

	test("shows which link to open if it is not logged in", async () => {
		const studio = await openStudio();
		const page = await (await browser.page()).context().newPage();
		expect((await page.goto(studio.url))?.status()).toBe(401);
		await page.getByText("Open the link that `agentv studio` printed").waitFor();
	});

	test("can use two Studios on one host", async () => {
		const files = smallEval("sums", ["one"]);
		const [one, two] = [await openStudio({ files }), await openStudio({ files })];
		const page = await ownersPage(one);
		await page.goto(two.link("here"));
		await page.getByRole("link", { name: /sums.eval.yaml/ }).waitFor();
		await page.goto(`${one.url}here`);
		await page.getByRole("link", { name: /sums.eval.yaml/ }).waitFor();
	});
});

describe("a server on another port of the host", () => {
	test("receives no cookie that gives access to data or actions, on any path", async () => {
		const studio = await openStudio({ files: smallEval("sums", ["one"]) });
		const page = await ownersPage(studio);
		const { url, received } = await neighbour();
		const visitor = await visitorsPage(page);
		for (const path of ["", "api/evals", "here", "~/api"]) await visitor.goto(url + path);
		await visitor.evaluate("fetch('/api/evals', {credentials: 'include'})");
		const cookies = [...new Set(received.map(({ headers }) => headers.cookie ?? ""))].filter(Boolean);
		expect(cookies.length, "the browser sends cookies to every port").toBeGreaterThan(0);
		for (const cookie of cookies) {
			const value = cookie.split("=").at(-1) ?? "";
			const port = new URL(studio.url).port;
			for (const stolen of [cookie, `agentv-api-${port}=${value}`]) {
				const answer = await fetch(new URL("/api/evals", studio.url), { headers: { cookie: stolen } });
				expect(answer.status).toBe(401);
				const started = await fetch(new URL("/api/benchmarks/sync", studio.url), {
					method: "POST",
					body: "{}",
					headers: { cookie: stolen, "content-type": "application/json" },
				});
				expect(started.status).toBe(401);
				const html = await (await fetch(studio.url, { headers: { cookie: stolen } })).text();
				expect(html).not.toMatch(/~[\w-]{43}/);
			}
		}
		expect(await visitor.evaluate("JSON.stringify([document.cookie, {...localStorage}])")).toBe('["",{}]');
		expect(received.some(({ headers }) => headers.referer?.includes(studio.token))).toBe(false);
	});

	test("can't read or start anything from a page that the logged-in owner visits", async () => {
		const studio = await openStudio({ files: smallEval("sums", ["one"]) });
		const page = await ownersPage(studio);
		const { items } = (await (
			await fetch(new URL("/api/evals", studio.url), { headers: { authorization: `Bearer ${studio.token}` } })
		).json()) as { items: { id: string }[] };
		const run = `${studio.url}api/evals/${items[0]?.id}/run`;
		const key = await page.evaluate<string>("localStorage.getItem('agentv-key')");
		// The worst case is that the page knows the key.
		const keyed = run.replace("/api/", `/${key}/api/`);
		const { url } = await neighbour();
		const visitor = await visitorsPage(page);
		await visitor.goto(url);
		const tries = await visitor.evaluate(`(async () => {
			const outcome = async (url, options) => {
				try { const answer = await fetch(url, { credentials: "include", ...options }); return answer.type === "opaque" ? "opaque" : await answer.text(); }
				catch { return "blocked"; }
			};
			const all = [];
			for (const url of ${JSON.stringify([run, keyed])}) for (const mode of ["cors", "no-cors"]) for (const type of ["application/json", "text/plain"])
				all.push(await outcome(url, { method: "POST", body: "{}", mode, headers: { "content-type": type } }));
			for (const url of ${JSON.stringify([studio.url, `${studio.url}${key}/api/evals`])}) for (const mode of ["cors", "no-cors"])
				all.push(await outcome(url, { mode }));
			all.push(await new Promise((done) => {
				const source = new EventSource(${JSON.stringify(`${studio.url}${key}/api/evals/marks`)}, { withCredentials: true });
				source.onmessage = () => done("read"); source.onerror = () => { source.close(); done("blocked"); };
			}));
			const form = document.createElement("form");
			Object.assign(form, { method: "post", enctype: "text/plain", action: ${JSON.stringify(keyed)}, target: "frame" });
			document.body.innerHTML = "<iframe name=frame></iframe>";
			document.body.append(form); form.submit();
			await new Promise((done) => setTimeout(done, 500));
			return all;
		})()`);
		expect([...new Set(tries as string[])].filter((said) => said !== "blocked" && said !== "opaque")).toEqual([]);
		expect(await runs(studio)).toEqual([]);
	});

	test("can't embed Studio in a frame or read its window", async () => {
		const studio = await openStudio({ files: smallEval("sums", ["one"]) });
		const page = await ownersPage(studio);
		const { url } = await neighbour(
			`<iframe src="${studio.url}here"></iframe><object data="${studio.url}here"></object>`,
		);
		const visitor = await visitorsPage(page);
		await visitor.goto(url);
		await visitor.waitForLoadState("networkidle");
		for (const frame of visitor.frames().slice(1))
			expect(await frame.evaluate("document.documentElement.innerText").catch(() => "")).not.toContain("sums");
		const seen = await visitor.evaluate(`new Promise((done) => {
			const other = open(${JSON.stringify(`${studio.url}here`)});
			setTimeout(() => { try { done(other.document.body.innerText + other.localStorage.length); } catch { done("blocked"); } }, 1500);
		})`);
		expect(seen).toMatch(/^(blocked|0?)$/);
	});
});
