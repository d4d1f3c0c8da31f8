import { canonicalJson } from "../base/canonical-json.ts";
import type { Redactor } from "../base/redact.ts";
import { digestText } from "../io/files/digest-tree.ts";
import { Content, type ContentState, type FileVersion } from "./content.ts";

/** A digest with the files that it was computed from. */
export interface Print {
	/** 32 hexadecimal digits. */
	readonly digest: string;
	readonly files: readonly FileVersion[];
}

const noFiles: readonly FileVersion[] = [];

/** A digest's input. Its print is the same object while its files are unchanged. */
export class Recipe {
	readonly #redact: Redactor;
	/** Its contents, including those of nested recipes. */
	readonly contents: readonly Content[];
	readonly #value: unknown;
	#states: readonly ContentState[] = [];
	#print: Print | undefined;

	constructor(value: unknown, redact: Redactor) {
		const contents = new Set<Content>();
		collect(value, contents);
		this.#redact = redact;
		this.contents = [...contents];
		if (contents.size > 0) this.#value = value;
		// Without files it never changes: the value need not be kept.
		else this.#print = { digest: this.#digest(value), files: noFiles };
	}

	print(): Print {
		const states = this.contents.map((content) => content.state());
		if (this.#print && states.every((state, index) => state === this.#states[index])) return this.#print;
		const files = new Map(states.flatMap((state) => state.files.map((version) => [version.path, version] as const)));
		this.#states = states;
		this.#print = { digest: this.#digest(this.#value), files: [...files.values()] };
		return this.#print;
	}

	/** The representation of the recipe in an outer one. */
	toJSON(): string {
		return this.print().digest;
	}

	#digest(value: unknown): string {
		return digestText(this.#redact(canonicalJson(value))).slice(0, 32);
	}
}

function collect(value: unknown, found: Set<Content>): void {
	if (typeof value !== "object" || value === null) return;
	if (value instanceof Content) found.add(value);
	else if (value instanceof Recipe) for (const content of value.contents) found.add(content);
	else for (const item of Array.isArray(value) ? value : Object.values(value)) collect(item, found);
}
