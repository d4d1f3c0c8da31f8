import { describe, expect, it } from "vitest";
import { createSession } from "./session.ts";
import { type TestStudio, testStudio } from "./testing/test-studio.ts";

const token = "a-token-of-22-or-more-characters";
const hosts = ["127.0.0.1", "192.168.7.7"];
const bare = (host: string) => ({ host: `${host}:3117`, authorization: undefined });
const cancel = "/api/jobs/none/cancel";

async function refusal(answer: Response): Promise<unknown> {
	const { error } = (await answer.json()) as { error: { code: string; hint: string } };
	return [answer.status, error.code, error.hint.includes("the link that `agentv studio` printed")];
}

const refused = [401, "login-needed", true];

/** Logs in by a link; the cookies as a browser keeps them, by name. */
async function logIn(studio: TestStudio, link: string, headers: Record<string, string | undefined>) {
	const answer = await studio.request(link, { headers });
	const set = answer.headers.getSetCookie();
	const pairs = set.map((cookie) => (cookie.split(";")[0] ?? "").split("=") as [string, string]);
	const path = /Path=(\/~[^;]*)/.exec(set.join("\n"))?.[1] ?? "";
	return { answer, set, cookies: Object.fromEntries(pairs), path };
}

describe.each(hosts)("Studio on %s", (host) => {
	const studio = (more = {}) => testStudio({}, { host, token, ...more });

	it.each([
		"/",
		"/evals",
		"/assets/a.js",
		"/favicon.svg",
		"/api/about",
		"/api/jobs/x/events",
		"/api/bundles/x/archive",
	])("%s needs the token and says what to do", async (path) => {
		const answer = await studio().request(path, { headers: bare(host) });
		expect(JSON.stringify([...answer.headers])).not.toContain(token);
		expect(await refusal(answer)).toEqual(refused);
	});

	it("starts nothing without the token", async () => {
		expect(await refusal(await studio().request(cancel, { body: {}, headers: bare(host) }))).toEqual(refused);
	});

	it("tells a person who has only the address which link to open", async () => {
		const page = await studio().request("/", { headers: { ...bare(host), accept: "text/html" } });
		expect([page.status, await page.text()]).toEqual([
			401,
			expect.stringContaining("Open the link that `agentv studio` printed"),
		]);
	});

	it("takes the token of a script in a header", async () => {
		for (const headers of [{ authorization: `bearer ${token}` }, { "x-agentv-token": token }])
			expect((await studio().request("/api/about", { headers: { ...bare(host), ...headers } })).status).toBe(200);
	});

	it("exchanges the token for cookies and a clean address", async () => {
		const opened = studio();
		const { answer, set, cookies } = await logIn(opened, `/runs?token=${token}&page=2`, bare(host));
		expect([answer.status, answer.headers.get("location")]).toEqual([303, "/runs?page=2"]);
		for (const cookie of set) expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
		expect(set.join()).not.toContain(token);
		const cookie = `agentv-api-3117=${cookies["agentv-api-3117"]}`;
		const headers = { ...bare(host), cookie };
		for (const path of ["/", "/api/about", "/api/jobs"])
			expect((await opened.request(path, { headers })).status, path).toBe(200);
		expect((await opened.request(cancel, { body: {}, headers })).status).toBe(404);
	});

	it("binds the API's cookie to a path that only its own pages know, once", async () => {
		const opened = studio();
		const { cookies, path } = await logIn(opened, `/?token=${token}`, bare(host));
		const atEveryPath = { ...bare(host), cookie: `agentv-3117=${cookies["agentv-3117"]}` };
		const first = await (await opened.request("/", { headers: atEveryPath })).text();
		expect(`/${/content="(~[\w-]{43})"/.exec(first)?.[1]}/api`).toBe(path);
		const used = { ...bare(host), cookie: `agentv-api-3117=${cookies["agentv-api-3117"]}` };
		expect((await opened.request(`${path}/about`, { headers: used })).status).toBe(200);
		// From here on, the cookie that other ports receive opens pages without data, and nothing else.
		expect(await (await opened.request("/", { headers: atEveryPath })).text()).toContain('content=""');
		for (const address of ["/api/about", "/%61pi/about", "/%61%70%69/about", "/x/../api/about", `${path}/about`])
			expect(await refusal(await opened.request(address, { headers: atEveryPath }))).toEqual(refused);
		expect(await refusal(await opened.request(`${path}/about`, { headers: bare(host) }))).toEqual(refused);
	});

	it("never redirects to another host after the login", async () => {
		const { answer } = await logIn(studio(), `//evil.example/x?token=${token}`, bare(host));
		expect(answer.headers.get("location")).toBe("/evil.example/x");
	});

	it("continues by a page of its own where another site opened the link, as strict cookies need", async () => {
		const headers = { ...bare(host), "sec-fetch-site": "cross-site" };
		const { answer } = await logIn(studio(), `/runs?token=${token}&search="><script>`, headers);
		expect([answer.status, await answer.text()]).toEqual([
			200,
			'<!doctype html><meta http-equiv="refresh" content="0;url=/runs?search=%22%3E%3Cscript%3E">',
		]);
	});

	it("answers wrong tokens late, the right one among them immediately, and never too many", async () => {
		const opened = studio();
		const wrong = Array.from({ length: 150 }, (_, index) =>
			opened.request("/api/about", { headers: { ...bare(host), authorization: `Bearer ${"x".repeat(22)}${index}` } }),
		);
		const right = opened.request(`/?token=${token}`, { headers: bare(host) });
		expect(await Promise.race([right.then(({ status }) => status), wrong[0]?.then(() => "late")])).toBe(303);
		const statuses = (await Promise.all(wrong)).map(({ status }) => status);
		expect([statuses.filter((status) => status === 401).length, statuses.filter((s) => s === 429).length]).toEqual([
			100, 50,
		]);
		expect((await opened.request(`/?token=${token}`, { headers: bare(host) })).status).toBe(303);
	});
});

describe("a link for one use", () => {
	it("opens Studio once", async () => {
		const studio = testStudio();
		const link = `/here?code=${studio.services.session.createCode()}`;
		const { answer } = await logIn(studio, link, bare("127.0.0.1"));
		expect([answer.status, answer.headers.get("location")]).toEqual([303, "/here"]);
		expect(await refusal(await studio.request(link, { headers: bare("127.0.0.1") }))).toEqual(refused);
	});

	it("does not turn away a browser that is logged in", async () => {
		const studio = testStudio({}, { token });
		const { cookies } = await logIn(studio, `/?token=${token}`, bare("127.0.0.1"));
		const cookie = `agentv-3117=${cookies["agentv-3117"]}`;
		expect((await studio.request("/?code=used", { headers: { ...bare("127.0.0.1"), cookie } })).status).toBe(200);
	});
});

describe("a session", () => {
	it.each(["", "x", "x".repeat(21), `${"x".repeat(22)} `, `${"x".repeat(21)}é`, "x".repeat(1001)])(
		"refuses the token %j",
		(chosen) => {
			expect(() => createSession(chosen)).toThrow(/^Studio's token /);
		},
	);

	it("keeps at most 200 logins, those that were used last", () => {
		const session = createSession();
		const first = session.logIn();
		const second = session.logIn();
		for (let count = 0; count < 199; count++) {
			expect(session.opensApi([first.apiCookie])).toBe(true);
			session.logIn();
		}
		expect([session.opensApi([first.apiCookie]), session.opensApi([second.apiCookie])]).toEqual([true, false]);
	});

	it("shares nothing with another of the same token", () => {
		const { apiCookie, pageCookie } = createSession(token).logIn();
		const other = createSession(token);
		expect([other.opensApi([apiCookie]), other.opensPages([pageCookie])]).toEqual([false, false]);
	});
});
