import { join } from "node:path";
import { gitTestEnvironment, tempTree, writeTree } from "@agentv/test-support";
import { createApi } from "../app.ts";
import type { StudioOptions } from "../find-eval.ts";
import { addPages } from "../index.ts";
import { createServices, type Services } from "../problem.ts";

type Files = Parameters<typeof writeTree>[1];

export interface TestStudio {
	/** Temporary, with `cwd`, `home` (AGENTV_HOME) and files of the test. */
	readonly root: string;
	readonly services: Services;
	/** Authenticates with the token. With `body`, sends a POST of JSON. */
	request(path: string, change?: RequestChange): Promise<Response>;
	/** Fails the test unless the response is a success. */
	json<Body>(path: string, change?: RequestChange): Promise<Body>;
	events(path: string): Promise<unknown[]>;
	write(files: Files): void;
}

export interface RequestChange {
	readonly method?: string;
	readonly body?: unknown;
	/** `undefined` removes a usual header. */
	readonly headers?: Readonly<Record<string, string | undefined>>;
}

export function testStudio(files: Files = {}, options: Partial<StudioOptions> = {}): TestStudio {
	const root = tempTree();
	writeTree(root, { "cwd/.keep": "", "home/.keep": "", "pages/index.html": page, ...files });
	const services = createServices({
		cwd: join(root, "cwd"),
		host: "127.0.0.1",
		allowHosts: [],
		readOnly: false,
		pages: join(root, "pages"),
		version: "1.2.3",
		report: (error) => {
			throw error;
		},
		...options,
		env: { PATH: gitTestEnvironment.PATH, HOME: root, AGENTV_HOME: join(root, "home"), ...options.env },
	});
	const app = createApi(services);
	addPages(app, services);
	const request: TestStudio["request"] = async (path, { method, body, headers } = {}) => {
		const usual = {
			host: "127.0.0.1:3117",
			"content-type": "application/json",
			authorization: `Bearer ${services.session.token}`,
		};
		const sent = Object.entries({ ...usual, ...headers }).filter((entry): entry is [string, string] => !!entry[1]);
		return app.request(`http://127.0.0.1:3117${path}`, {
			method: method ?? (body === undefined ? "GET" : "POST"),
			headers: sent,
			...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
		});
	};
	return {
		root,
		services,
		request,
		async json<Body>(path: string, change?: RequestChange): Promise<Body> {
			const answer = await request(path, change);
			if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
			return (await answer.json()) as Body;
		},
		async events(path) {
			const text = await (await request(path)).text();
			return text.split("\n").flatMap((line) => (line.startsWith("data: ") ? [JSON.parse(line.slice(6))] : []));
		},
		write: (more) => writeTree(root, more),
	};
}

const page = '<meta name="agentv-key" content="__AGENTV_KEY__">';
