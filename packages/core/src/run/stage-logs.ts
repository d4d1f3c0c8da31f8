import type { StageLog } from "../schema/attempt-file.ts";

/** Characters that are kept of what one program prints in one stage: its beginning and its end. */
const maxHead = 16 * 1024;
const maxTail = 48 * 1024;
/** Logs that are kept of one attempt; later ones only count. */
const maxLogs = 200;

/** What programs print while an attempt runs, for its record. */
export class StageLogs {
	readonly #logs: { readonly stage: string; readonly name: string; head: string; tail: string; omitted: number }[] = [];

	/** Adds text that the program `name` printed in `stage`; successive texts of one program are joined. */
	add(stage: string, name: string, text: string): void {
		if (text === "") return;
		const last = this.#logs.at(-1);
		if (last?.stage === stage && last.name === name) append(last, text);
		else if (this.#logs.length < maxLogs) {
			const log = { stage, name, head: "", tail: "", omitted: 0 };
			append(log, text);
			this.#logs.push(log);
		}
	}

	/** Returns the logs so far and forgets them. */
	take(): StageLog[] {
		const records = this.records();
		this.#logs.length = 0;
		return records;
	}

	/** The logs in the order in which they began. */
	records(): StageLog[] {
		return this.#logs.map(({ stage, name, head, tail, omitted }) => ({
			...{ stage, name, text: head + tail },
			...(omitted > 0 ? { omitted } : {}),
		}));
	}
}

function append(log: { head: string; tail: string; omitted: number }, text: string): void {
	const room = log.tail === "" ? Math.max(0, maxHead - log.head.length) : 0;
	log.head += text.slice(0, room);
	const tail = log.tail + text.slice(room);
	const over = Math.max(0, tail.length - maxTail);
	log.tail = tail.slice(over);
	log.omitted += over;
}
