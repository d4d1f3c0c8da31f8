import { AgentvError, redactJson } from "@agentv/core";
import type { Context, Env, MiddlewareHandler } from "hono";
import { streamSSE } from "hono/streaming";
import { validator } from "hono/validator";
import { z } from "zod";
import { toErrorBody } from "./jobs.ts";
import type { Services } from "./problem.ts";

/** Types `hc` by the schema's input and output. */
type Validator<Target extends "query" | "json", Schema extends z.ZodType> = MiddlewareHandler<
	Env,
	string,
	{ in: { [Key in Target]: z.input<Schema> }; out: { [Key in Target]: z.output<Schema> } }
>;

/** Names the parameter in `usage` problems. */
export function query<Schema extends z.ZodType>(schema: Schema): Validator<"query", Schema> {
	return validator("query", (value) => checked(schema, value, "the query")) as Validator<"query", Schema>;
}

/** Names the field in `usage` problems. */
export function body<Schema extends z.ZodType>(schema: Schema): Validator<"json", Schema> {
	return validator("json", (value) => checked(schema, value, "the body")) as Validator<"json", Schema>;
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
	const result = schema.safeParse(value);
	if (result.success) return result.data;
	const [issue] = result.error.issues;
	const field = issue?.path.join(".");
	throw new AgentvError("usage", `${field ? `${what}'s ${field}` : what} is invalid: ${issue?.message}`);
}

const wholeNumber = z.string().regex(/^[1-9]\d{0,6}$/, "expected a positive integer");

/** From 1. */
export const pageField = wholeNumber.optional().transform((text) => Number(text ?? 1));

/** 1 to 200. */
export const pageSizeField = wholeNumber
	.optional()
	.transform((text) => Number(text ?? 50))
	.refine((size) => size <= 200, "at most 200");

export const searchField = z.string().max(500).optional();

export const nameField = z.string().min(1).max(500).optional();

export const listField = z
	.union([z.string(), z.array(z.string())])
	.optional()
	.transform((value) => (value === undefined ? [] : [value].flat()));

/** Pages count from 1; a page past the end is empty. */
export interface Page<Item> {
	readonly items: readonly Item[];
	readonly page: number;
	readonly pages: number;
	readonly page_size: number;
	/** On all pages, after filters. */
	readonly total: number;
}

export function pageOf<Item>(all: readonly Item[], page: number, pageSize = 50): Page<Item> {
	return {
		items: all.slice((page - 1) * pageSize, page * pageSize),
		page,
		pages: Math.max(1, Math.ceil(all.length / pageSize)),
		page_size: pageSize,
		total: all.length,
	};
}

/** Converts only the items on the page. */
export function mapPage<From, To>(page: Page<From>, make: (item: From) => To): Page<To> {
	return { ...page, items: page.items.map(make) };
}

/** Keeps proxies from closing the stream, and detects pages that have gone away. */
const pingMs = 15_000;

type Send = (data: unknown, id?: number) => Promise<void>;

/**
 * Sends server-sent events until `produce` ends or the page goes away. Errors become a last event
 * `{type: "failed", error}`.
 */
export function eventStream(
	c: Context,
	{ options, redact }: Pick<Services, "options" | "redact">,
	produce: (send: Send, gone: AbortSignal) => Promise<void>,
): Response {
	return streamSSE(c, async (stream) => {
		const gone = new AbortController();
		stream.onAbort(() => gone.abort());
		const send: Send = async (data, id) =>
			stream.writeSSE({
				data: redactJson(JSON.stringify(data), redact),
				...(id === undefined ? {} : { id: String(id) }),
			});
		const ping = setInterval(() => void stream.write(": still here\n\n"), pingMs);
		try {
			await produce(send, gone.signal);
		} catch (error) {
			if (gone.signal.aborted) return;
			if (!(error instanceof AgentvError)) options.report?.(error);
			await send({ type: "failed", error: toErrorBody(error) });
		} finally {
			clearInterval(ping);
		}
	});
}

export function redactedAnswers({ redact }: Pick<Services, "redact">): MiddlewareHandler {
	return async (c, next) => {
		await next();
		if (!/^application\/json\b/.test(c.res.headers.get("content-type") ?? "")) return;
		const text = await c.res.clone().text();
		const shown = redactJson(text, redact);
		if (shown === text) return;
		const { status, headers } = c.res;
		// Otherwise Hono would merge the headers of both responses.
		c.res = undefined;
		const newHeaders = new Headers(headers);
		newHeaders.delete("content-length");
		c.res = new Response(shown, { status, headers: newHeaders });
	};
}
