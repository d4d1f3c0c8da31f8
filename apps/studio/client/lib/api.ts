import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { hc } from "hono/client";
import type { ReadApi, WriteApi } from "../../server/app.ts";
import type { TestResult } from "../../server/test-responses.ts";

const storageKey = "agentv-key";

/**
 * The page that follows a login contains the key. Other tabs and later pages read it from the
 * storage of this origin, which servers on other ports can't.
 */
function findApiAddress(): string {
	const key = document.querySelector<HTMLMetaElement>(`meta[name="${storageKey}"]`)?.content;
	try {
		if (key?.startsWith("~")) localStorage.setItem(storageKey, key);
		const stored = localStorage.getItem(storageKey);
		return stored ? `/${stored}/api` : "/api";
	} catch {
		// Without storage, the key is only valid for this page.
		return key?.startsWith("~") ? `/${key}/api` : "/api";
	}
}

/** True in an exported page, which contains one run and changes nothing. */
export const isExport = import.meta.env.MODE === "report";

/** For event streams and downloads, which bypass `api`. */
export const apiAddress = findApiAddress();

const options = { headers: { "content-type": "application/json" } };

/** The server's own definitions type the routes. */
export const api = hc<ReadApi>(apiAddress, options);
export const writes = hc<WriteApi>(apiAddress, options);

interface Problem {
	readonly code: string;
	readonly message: string;
	readonly hint?: string;
	/** Set by the route, e.g. `{job}` of the conflicting job. */
	readonly details?: unknown;
}

/** `status` is 0 without a response. */
export class ApiError extends Error {
	override readonly name = "ApiError";
	readonly status: number;
	readonly code: string;
	readonly hint: string | undefined;
	readonly details: unknown;

	constructor(status: number, problem: Problem) {
		super(problem.message);
		this.status = status;
		this.code = problem.code;
		this.hint = problem.hint;
		this.details = problem.details;
	}
}

interface TypedResponse<Body> {
	readonly ok: boolean;
	readonly status: number;
	json(): Promise<Body>;
}

/**
 * @throws ApiError with the server's message
 * @example const { benchmarks } = await unwrap(api.benchmarks.$get({ query: {} }));
 */
export async function unwrap<Body>(pending: Promise<TypedResponse<Body>>): Promise<Body> {
	const response = await pending.catch(() => {
		throw new ApiError(0, {
			code: "unreachable",
			message: "Studio is not responding",
			hint: "is `agentv studio` still running?",
		});
	});
	if (response.ok) return response.json();
	const body = (await response.json().catch(() => undefined)) as { error?: Problem } | undefined;
	throw new ApiError(
		response.status,
		body?.error ?? { code: "unknown", message: `the server responded with status ${response.status}` },
	);
}

/** `status` only compares with the remote. */
export type SyncKind = "sync" | "status";

export function cancelJob(id: string) {
	return unwrap(writes.jobs[":id"].cancel.$post({ param: { id } }));
}

export const aboutQuery = queryOptions({
	queryKey: ["about"],
	queryFn: () => unwrap(api.about.$get()),
	staleTime: Number.POSITIVE_INFINITY,
});

/** Returns undefined for an empty filter, to omit it from the request. */
export function nonEmpty<Text extends string>(text: Text): Exclude<Text, ""> | undefined {
	return text === "" ? undefined : (text as Exclude<Text, "">);
}

/** Keeps the list until the next page or filter has loaded. */
export function listQuery<Body>(queryKey: readonly unknown[], request: () => Promise<TypedResponse<Body>>) {
	return queryOptions({ queryKey, queryFn: () => unwrap(request()), placeholderData: keepPreviousData });
}

/** Never caches a preview of what the user confirms. */
export function previewQuery<Body>(queryKey: readonly unknown[], request: () => Promise<TypedResponse<Body>>) {
	return queryOptions({ queryKey, queryFn: () => unwrap(request()), gcTime: 0, staleTime: Number.POSITIVE_INFINITY });
}

export const tablePage = 200;

export function testResultQuery(run: string, test: string) {
	return queryOptions({
		queryKey: ["runs", "result", run, test],
		queryFn: async () => {
			// `hc` does not support recursive types such as the parts of composite graders.
			const result: unknown = await unwrap(api.runs[":id"].tests[":test"].$get({ param: { id: run, test } }));
			return result as TestResult;
		},
	});
}

export const liveMs = 1000;

/** Returns true until Studio's mode is known, so that no button disappears again. */
export function useReadOnly(): boolean {
	return useQuery(aboutQuery).data?.read_only ?? true;
}
