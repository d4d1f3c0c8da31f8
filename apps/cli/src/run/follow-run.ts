import { AgentvError, type RunEvent } from "@agentv/core";
import type { Context } from "../context.ts";
import type { RunFollower } from "./follow-plain.ts";

type Done = Extract<RunEvent, { type: "done" }>;

/** Shows the events of a run as they happen. Resolves to its outcome. */
export async function followRun(
	events: AsyncIterable<RunEvent>,
	forPeople: boolean,
	context: Context,
): Promise<Omit<Done, "type">> {
	const follower = await followerFor(forPeople, context);
	let done: Done | undefined;
	try {
		for await (const event of events) {
			follower?.on(event);
			if (event.type === "done") done = event;
		}
	} finally {
		follower?.end();
	}
	if (!done) throw new AgentvError("internal", "the run ended without a final event");
	return done;
}

/** Chooses a live view for terminals, plain lines for pipes, and nothing next to machine-readable reports. */
async function followerFor(forPeople: boolean, { stdout, stderr }: Context): Promise<RunFollower | undefined> {
	const screen = forPeople ? stdout : stderr;
	if (screen.isTTY) return (await import("./follow-live.ts")).followLive(screen);
	return forPeople ? (await import("./follow-plain.ts")).followPlain(stdout) : undefined;
}
