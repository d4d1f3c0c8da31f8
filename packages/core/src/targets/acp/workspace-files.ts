import { dirname, isAbsolute, resolve } from "node:path";
import type {
	ReadTextFileRequest,
	ReadTextFileResponse,
	WriteTextFileRequest,
	WriteTextFileResponse,
} from "@agentclientprotocol/sdk";
import { AgentvError } from "../../base/agentv-error.ts";
import { makeDirectories } from "../../io/files/make-directories.ts";
import { writeOwnFile } from "../../io/files/own-files.ts";
import { isInside } from "../../io/files/path-inside.ts";
import { readTextFile } from "../../io/files/read-text.ts";
import { realPath } from "../../io/files/stat-path.ts";

/** An agent's file access through us: inside one directory, whatever links there point to. */
export class WorkspaceFiles {
	readonly #root: string;

	constructor(directory: string) {
		this.#root = realPath(directory);
	}

	/**
	 * @throws AgentvError `refused` outside the workspace; `not-found` or `config` if the file is
	 * unreadable
	 */
	read({ path, line, limit }: ReadTextFileRequest): ReadTextFileResponse {
		const text = readTextFile(this.#inside(path));
		if (!line && !limit) return { content: text };
		const first = Math.max(0, (line ?? 1) - 1);
		const lines = text.split(/(?<=\n)/).slice(first, limit ? first + limit : undefined);
		return { content: lines.join("") };
	}

	/** @throws AgentvError `refused` outside the workspace; `config` if it is not writable */
	write({ path, content }: WriteTextFileRequest): WriteTextFileResponse {
		const file = this.#inside(path);
		makeDirectories(dirname(file));
		writeOwnFile(file, content);
		return {};
	}

	#inside(path: string): string {
		const lexical = isAbsolute(path) ? path : resolve(this.#root, path);
		const real = realPath(lexical);
		if (isInside(this.#root, real) && real !== this.#root) return real;
		throw new AgentvError("refused", `${path} is outside the workspace`);
	}
}
