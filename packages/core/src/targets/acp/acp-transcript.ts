import { contentText, count, type Fields, given, record, records, text } from "../agent/event-fields.ts";
import { Transcript } from "../agent/transcript.ts";
import type { AnswerMessage, TargetAnswer } from "../contract.ts";

/** Converts ACP session updates to messages and figures. Ignores unknown updates. */
export class AcpTranscript {
	readonly #transcript = new Transcript();
	/** Text arrives in chunks: the current message so far. */
	#saying = "";
	#messageId: string | undefined;
	#cost: number | undefined;

	update(update: Fields, at: number): void {
		switch (update.sessionUpdate) {
			case "agent_message_chunk":
				this.#say(text(update.messageId), text(record(update.content).text) ?? "");
				return;
			case "tool_call":
			case "tool_call_update":
				this.#flush();
				this.#call(update, at);
				return;
			case "usage_update": {
				const { amount, currency } = record(update.cost);
				if (currency === "USD") this.#cost = count(amount) ?? this.#cost;
			}
		}
	}

	#say(messageId: string | undefined, chunk: string): void {
		if (messageId !== this.#messageId) this.#flush();
		this.#messageId = messageId;
		this.#saying += chunk;
	}

	#flush(): void {
		this.#transcript.say(this.#saying);
		this.#saying = "";
	}

	#call(update: Fields, at: number): void {
		const id = text(update.toolCallId) ?? "";
		const kind = text(update.kind);
		const tool = text(update.name) ?? (kind && kind !== "other" ? kind : text(update.title)) ?? "tool";
		this.#transcript.call(id, tool, update.rawInput ?? inputOf(update), at);
		if (update.status === "in_progress") this.#transcript.begin(id, at);
		if (update.status !== "completed" && update.status !== "failed") return;
		this.#transcript.result(id, update.rawOutput ?? outputOf(update), at, update.status === "failed");
	}

	messages(): readonly AnswerMessage[] {
		this.#flush();
		return this.#transcript.messages();
	}

	/** @param response to the prompt; newer agents report the turn's token usage in it */
	figures(response: Fields): Pick<TargetAnswer, "tokenUsage" | "costUsd"> {
		const usage = record(response.usage);
		const input = count(usage.inputTokens);
		const output = count(usage.outputTokens);
		const told = input === undefined || output === undefined ? undefined : { input, output };
		const cached = given("cached", count(usage.cachedReadTokens));
		const tokenUsage = told && { ...told, ...cached, ...given("reasoning", count(usage.thoughtTokens)) };
		return { ...given("tokenUsage", tokenUsage), ...given("costUsd", this.#cost) };
	}
}

/** Returns what a call is about if the agent does not report its input. */
function inputOf({ title, locations }: Fields): unknown {
	const paths = records(locations).flatMap(({ path }) => text(path) ?? []);
	if (title === undefined && paths.length === 0) return undefined;
	return { ...given("title", text(title)), ...(paths.length > 0 ? { paths } : {}) };
}

function outputOf({ content }: Fields): unknown {
	const blocks = records(content);
	const said = contentText(blocks.map((block) => block.content)) ?? "";
	const changes = blocks.flatMap(({ type, path }) => (type === "diff" ? [path] : []));
	return changes.length > 0 ? { ...(said ? { text: said } : {}), changed: changes } : said;
}
