import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import { errnoCode } from "./file-error.ts";

/** Keeps a directory open, so that no other one can get its inode. */
export class HeldDirectory {
	#descriptor: number | undefined;
	readonly #identity: string | undefined;

	/** Opens what is at `path`, if anything. Call `release` at the end. */
	constructor(path: string) {
		try {
			const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
			this.#descriptor = openSync(path, flags);
			const { dev, ino } = fstatSync(this.#descriptor, { bigint: true });
			this.#identity = `${dev}:${ino}`;
		} catch (error) {
			if (errnoCode(error) === undefined) throw error;
			this.#identity = identityOf(path);
		}
	}

	/** Returns whether the path still refers to this directory. */
	isAt(path: string): boolean {
		return identityOf(path) === this.#identity;
	}

	release(): void {
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
		this.#descriptor = undefined;
	}
}

function identityOf(path: string): string | undefined {
	try {
		const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
		return stat && `${stat.dev}:${stat.ino}`;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}
