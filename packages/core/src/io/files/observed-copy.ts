import { createHash, hash as hashOnce } from "node:crypto";
import { closeSync, constants, openSync, readSync, symlinkSync, writeSync } from "node:fs";
import { fileError } from "./file-error.ts";
import { openRegular } from "./open-regular.ts";
import { throwIfAborted } from "./throw-if-aborted.ts";

/** `offset` is the position of `bytes` in the file; windows overlap by `overlap` bytes. */
export type ByteObserver = (bytes: Buffer, offset: number) => void;

export interface ObservedCopy {
	/** Hexadecimal SHA-256 of the copied bytes. */
	readonly sha256: string;
	readonly size: number;
}

const chunkSize = 1024 * 1024;

/** Copies, hashes and shows files through one buffer, so that each is read once. */
export class ObservedCopier {
	readonly #overlap: number;
	readonly #buffer: Buffer;

	/** `overlap`: bytes at the end of a window that the next one repeats. */
	constructor(overlap: number) {
		this.#overlap = overlap;
		this.#buffer = Buffer.allocUnsafeSlow(overlap + chunkSize);
	}

	/**
	 * Copies the regular file `from` to `to`, which must not exist; mode 755 or 644 less the umask.
	 * @throws AgentvError with the path that could not be read or written
	 */
	async copy(
		from: string,
		to: string,
		executable: boolean,
		observe: ByteObserver,
		signal?: AbortSignal,
	): Promise<ObservedCopy> {
		const source = openRegular(from).descriptor;
		try {
			const goal = this.#open(
				to,
				constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
				executable ? 0o755 : 0o644,
			);
			try {
				return await this.#pass(source, goal, from, to, observe, signal);
			} finally {
				closeSync(goal);
			}
		} finally {
			closeSync(source);
		}
	}

	#open(path: string, flags: number, mode: number): number {
		try {
			return openSync(path, flags, mode);
		} catch (error) {
			throw fileError(path, error);
		}
	}

	async #pass(
		source: number,
		goal: number,
		from: string,
		to: string,
		observe: ByteObserver,
		signal: AbortSignal | undefined,
	): Promise<ObservedCopy> {
		const first = this.#read(source, from);
		if (first < chunkSize) {
			// The buffer contains the whole file.
			const bytes = this.#buffer.subarray(this.#overlap, this.#overlap + first);
			this.#write(goal, bytes, to);
			observe(bytes, 0);
			return { sha256: hashOnce("sha256", bytes, "hex"), size: first };
		}
		const digest = createHash("sha256");
		let kept = 0;
		let size = 0;
		for (let length = first; length > 0; length = this.#read(source, from)) {
			const bytes = this.#buffer.subarray(this.#overlap, this.#overlap + length);
			this.#write(goal, bytes, to);
			digest.update(bytes);
			observe(this.#buffer.subarray(this.#overlap - kept, this.#overlap + length), size - kept);
			size += length;
			const end = this.#overlap + length;
			kept = Math.min(this.#overlap, kept + length);
			this.#buffer.copyWithin(this.#overlap - kept, end - kept, end);
			await new Promise((next) => setImmediate(next));
			throwIfAborted(signal, "copying");
		}
		return { sha256: digest.digest("hex"), size };
	}

	/** Fills the buffer as far as the file goes. */
	#read(descriptor: number, path: string): number {
		let length = 0;
		try {
			while (length < chunkSize) {
				const got = readSync(descriptor, this.#buffer, this.#overlap + length, chunkSize - length, null);
				if (got === 0) break;
				length += got;
			}
			return length;
		} catch (error) {
			throw fileError(path, error);
		}
	}

	#write(descriptor: number, bytes: Buffer, path: string): void {
		try {
			for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
		} catch (error) {
			throw fileError(path, error);
		}
	}
}

/** Creates a symbolic link with exactly this text. */
export function writeLink(path: string, target: string): void {
	try {
		symlinkSync(target, path);
	} catch (error) {
		throw fileError(path, error);
	}
}
