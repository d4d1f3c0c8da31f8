import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { DiskView } from "../model/disk-view.ts";

const documents = /^(\.env\.(example|sample|template)|readme(\.(md|markdown|txt|rst))?)$/i;

/** The variables that a directory's `.env.example` or README names. */
export class Documentation {
	readonly #view: DiskView;
	readonly #names = new Map<string, ReadonlySet<string>>();

	constructor(view: DiskView) {
		this.#view = view;
	}

	names(variable: string, directory: string): boolean {
		let names = this.#names.get(directory);
		if (!names) {
			if (this.#names.size >= 2000) this.#names.clear();
			names = this.#read(directory);
			this.#names.set(directory, names);
		}
		return names.has(variable);
	}

	#read(directory: string): ReadonlySet<string> {
		const names = new Set<string>();
		for (const file of this.#view.list(directory).filter((name) => documents.test(name)))
			for (const [name] of this.#text(join(directory, file)).matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)) names.add(name);
		return names;
	}

	#text(file: string): string {
		try {
			return this.#view.readText(file);
		} catch (error) {
			// A README that is no text documents nothing.
			if (error instanceof AgentvError) return "";
			throw error;
		}
	}
}
