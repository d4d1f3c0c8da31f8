import { randomBytes } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { makeDirectories } from "../files/make-directories.ts";
import { LineSplitter } from "./line-splitter.ts";

export interface CaptureOptions {
	/** `stdout` or `stderr`; a prefix of the spill file's name. */
	readonly name: string;
	/** Bytes kept in memory. */
	readonly maxBuffer: number;
	/** Directory for output beyond `maxBuffer`; without it that output is dropped. */
	readonly spillDir?: string | undefined;
	/** Maximum bytes of the spill file; the rest is dropped. */
	readonly maxSpill: number;
	readonly onLine?: ((line: string) => void) | undefined;
}

/** An output stream of a process: its head in memory, all of it in a file once it exceeds that. */
export class CapturedOutput {
	readonly #options: CaptureOptions;
	readonly #lines: LineSplitter | undefined;
	#chunks: Buffer[] = [];
	#kept = 0;
	#spilled = 0;
	#descriptor: number | undefined;
	#spillError: unknown;
	/** File with the whole output, if it exceeded memory and there is a spill directory. */
	path: string | undefined;
	/** Whether `text()` is incomplete. */
	truncated = false;

	constructor(options: CaptureOptions) {
		this.#options = options;
		this.#lines = options.onLine && new LineSplitter(options.onLine);
	}

	write(chunk: Buffer): void {
		this.#lines?.write(chunk);
		const room = this.#options.maxBuffer - this.#kept;
		if (this.#descriptor === undefined && chunk.length > room) this.#startSpilling();
		if (this.#descriptor !== undefined) this.#spill(chunk);
		if (room <= 0) {
			this.truncated ||= chunk.length > 0;
			return;
		}
		const head = chunk.length > room ? chunk.subarray(0, room) : chunk;
		this.truncated ||= head.length < chunk.length;
		this.#chunks.push(head);
		this.#kept += head.length;
	}

	/** Closes the spill file. @throws what writing the spill file threw */
	end(): void {
		this.#lines?.end();
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
		this.#descriptor = undefined;
		if (this.#spillError) throw this.#spillError;
	}

	/** Returns the output kept in memory, as UTF-8; a character at the limit is dropped. */
	text(): string {
		const bytes = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
		this.#chunks = [bytes];
		return this.truncated ? new StringDecoder("utf8").write(bytes) : bytes.toString("utf8");
	}

	#startSpilling(): void {
		if (this.#options.spillDir === undefined || this.path !== undefined || this.#spillError) return;
		try {
			makeDirectories(this.#options.spillDir);
			const path = join(this.#options.spillDir, `${this.#options.name}-${randomBytes(6).toString("hex")}.txt`);
			this.#descriptor = openSync(path, "wx", 0o600);
			this.path = path;
		} catch (error) {
			this.#spillError = error;
			return;
		}
		for (const chunk of this.#chunks) this.#spill(chunk);
	}

	#spill(chunk: Buffer): void {
		if (this.#descriptor === undefined || this.#spillError) return;
		const part = chunk.subarray(0, Math.max(0, this.#options.maxSpill - this.#spilled));
		try {
			// Synchronous on purpose: the pipe is not read until the disk has this, so memory stays
			// bounded.
			for (let at = 0; at < part.length; ) at += writeSync(this.#descriptor, part, at);
			this.#spilled += part.length;
		} catch (error) {
			this.#spillError = error;
		}
	}
}
