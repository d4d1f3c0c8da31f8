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

/** Logs in with a link. Returns the cookies by name, like a browser's. */
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
	])("refuses %s without the token, with a hint", async (path) => {
		const answer = await studio().request(path, { headers: bare(host) });
		expect(JSON.stringify([...answer.headers])).not.toContain(token);
		expect(await refusal(answer)).toEqual(refused);
	});

	it("refuses writes without the token", async () => {
		expect(await refusal(await studio().request(cancel, { body: {}, headers: bare(host) }))).toEqual(refused);
	});

	it("shows which link to open in a browser that is not logged in", async () => {
		const page = await studio().request("/", { headers: { ...bare(host), accept: "text/html" } });
		expect([page.status, await page.text()]).toEqual([
			401,
			expect.stringContaining("Open the link that `agentv studio` printed"),
		]);
	});

	it("accepts the token in a header", async () => {
		for (const headers of [{ authorization: `bearer ${token}` }, { "x-agentv-token": token }])
			expect((await studio().request("/api/about", { headers: { ...bare(host), ...headers } })).status).toBe(200);
	});

	it("exchanges the token for cookies and a URL without it", async () => {
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

	it("binds the API's cookie to a secret path, which it sends to a page only once", async () => {
		const opened = studio();
		const { cookies, path } = await logIn(opened, `/?token=${token}`, bare(host));
		const atEveryPath = { ...bare(host), cookie: `agentv-3117=${cookies["agentv-3117"]}` };
		const first = await (await opened.request("/", { headers: atEveryPath })).text();
		expect(`/${/content="(~[\w-]{43})"/.exec(first)?.[1]}/api`).toBe(path);
		const used = { ...bare(host), cookie: `agentv-api-3117=${cookies["agentv-api-3117"]}` };
		expect((await opened.request(`${path}/about`, { headers: used })).status).toBe(200);
		// From now on, the cookie that other ports also receive only opens pages without data.
		expect(await (await opened.request("/", { headers: atEveryPath })).text()).toContain('content=""');
		for (const address of ["/api/about", "/%61pi/about", "/%61%70%69/about", "/x/../api/about", `${path}/about`])
			expect(await refusal(await opened.request(address, { headers: atEveryPath }))).toEqual(refused);
		expect(await refusal(await opened.request(`${path}/about`, { headers: bare(host) }))).toEqual(refused);
	});

	it("never redirects to another host after the login", async () => {
		const { answer } = await logIn(studio(), `//evil.example/x?token=${token}`, bare(host));
		expect(answer.headers.get("location")).toBe("/evil.example/x");
	});

	it("redirects with a page if another site opened the link, because strict cookies need it", async () => {
		const headers = { ...bare(host), "sec-fetch-site": "cross-site" };
		const { answer } = await logIn(studio(), `/runs?token=${token}&search="><script>`, headers);
		expect([answer.status, await answer.text()]).toEqual([
			200,
			'<!doctype html><meta http-equiv="refresh" content="0;url=/runs?search=%22%3E%3Cscript%3E">',
		]);
	});

	it("delays and limits responses to wrong tokens, but responds to the right one immediately", async () => {
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

describe("a one-time link", () => {
	it("opens Studio once", async () => {
		const studio = testStudio();
		const link = `/here?code=${studio.services.session.createCode()}`;
		const { answer } = await logIn(studio, link, bare("127.0.0.1"));
		expect([answer.status, answer.headers.get("location")]).toEqual([303, "/here"]);
		expect(await refusal(await studio.request(link, { headers: bare("127.0.0.1") }))).toEqual(refused);
	});

	it("is ignored if the browser is already logged in", async () => {
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

	it("keeps the 200 most recently used logins", () => {
		const session = createSession();
		const first = session.logIn();
		const second = session.logIn();
		for (let count = 0; count < 199; count++) {
			expect(session.opensApi([first.apiCookie])).toBe(true);
			session.logIn();
		}
		expect([session.opensApi([first.apiCookie]), session.opensApi([second.apiCookie])]).toEqual([true, false]);
	});

	it("doesn't accept cookies of another session with the same token", () => {
		const { apiCookie, pageCookie } = createSession(token).logIn();
		const other = createSession(token);
		expect([other.opensApi([apiCookie]), other.opensPages([pageCookie])]).toEqual([false, false]);
	});
});
