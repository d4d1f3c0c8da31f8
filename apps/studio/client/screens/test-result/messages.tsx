import { useState } from "react";
import type { MessageAnswer } from "../../../server/answers/runs.ts";
import { TextView } from "../../components/code/text-view.tsx";
import { Icon } from "../../components/icon.tsx";
import { RichText } from "../../components/rich-text.tsx";
import { duration } from "../../lib/format.ts";
import classes from "./messages.module.css";

/** So many messages are shown at first; the rest on demand. */
const shownFirst = 40;

/** A conversation: who said what, and which tools were called. */
export function Messages({ messages }: { messages: readonly MessageAnswer[] }) {
	const [all, setAll] = useState(false);
	const shown = all ? messages : messages.slice(0, shownFirst);
	return (
		<ol className={classes.messages}>
			{shown.map((message, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a message is its place
				<Message key={index} message={message} />
			))}
			{shown.length < messages.length ? (
				<li>
					<button type="button" className={classes.more} onClick={() => setAll(true)}>
						Show {messages.length - shown.length} more messages
					</button>
				</li>
			) : null}
		</ol>
	);
}

function Message({ message: { role, content, tool_calls: calls } }: { message: MessageAnswer }) {
	return (
		<li className={classes.message} data-role={role}>
			<span className={classes.role}>{role}</span>
			<div className={classes.content}>
				{content !== "" || calls.length === 0 ? <RichText label={`the ${role}’s message`} text={content} /> : null}
				{calls.map((call, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: a call is its place
					<details key={index} className={classes.call}>
						<summary>
							<Icon name="wrench" size={13} />
							<span className="mono">{call.tool}</span>
							<span className={`${classes.brief} mono`}>{brief(call.input)}</span>
							{call.duration_ms === null ? null : <span>{duration(call.duration_ms)}</span>}
						</summary>
						<p>Input</p>
						<TextView label={`Input of ${call.tool}`} text={textOf(call.input)} />
						<p>Output</p>
						<TextView label={`Output of ${call.tool}`} text={textOf(call.output)} />
					</details>
				))}
			</div>
		</li>
	);
}

function brief(value: unknown): string {
	const text = typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value);
	return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function textOf(value: unknown): string {
	if (value === null || value === undefined) return "none";
	return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
