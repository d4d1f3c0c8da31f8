import { AgentvError, type ErrorCode } from "../../base/agentv-error.ts";

const reasons: Readonly<Record<string, string>> = {
	ENOENT: "does not exist",
	ENOTDIR: "is below something that is not a directory",
	EISDIR: "is a directory, not a file",
	EACCES: "is not accessible: permission denied",
	EPERM: "is not accessible: operation not permitted",
	ELOOP: "is a cycle of symbolic links",
	ENAMETOOLONG: "has a name that is too long",
	EEXIST: "already exists",
	ENOTEMPTY: "is not empty",
};

/** These errors say nothing about the operation, which can work later. */
const resources: Readonly<Record<string, { readonly reason: string; readonly hint: string }>> = {
	EROFS: {
		reason: "is on a read-only file system",
		hint: "Write to another directory, or mount the file system writable.",
	},
	ENOSPC: { reason: "could not be written: no space left", hint: "Free some disk space, then try again." },
	EDQUOT: {
		reason: "could not be written: the disk quota is exhausted",
		hint: "Free some disk space, then try again.",
	},
	EFBIG: {
		reason: "could not be written: the file exceeds the size limit",
		hint: "Raise the limit (`ulimit -f`), or write to a file system that allows larger files.",
	},
	EIO: { reason: "could not be used: the device failed", hint: "Check the system log for disk errors." },
	EMFILE: {
		reason: "could not be opened: too many open files",
		hint: "Raise the limit (`ulimit -n`), or use fewer workers.",
	},
	ENFILE: {
		reason: "could not be opened: too many open files on this machine",
		hint: "Close other programs, or use fewer workers.",
	},
	EAGAIN: {
		reason: "could not be used: too many processes or threads",
		hint: "Raise the limit (`ulimit -u`), or use fewer workers.",
	},
	ENOBUFS: {
		reason: "could not be used: the system has no buffer space left",
		hint: "Use fewer workers, or free memory.",
	},
	ENOLCK: { reason: "could not be used: the system has no locks left", hint: "Use fewer workers, then try again." },
	ENOMEM: { reason: "could not be used: not enough memory", hint: "Use fewer workers, or free memory." },
	ERR_WORKER_OUT_OF_MEMORY: {
		reason: "could not be used: not enough memory",
		hint: "Use fewer workers, or free memory.",
	},
	ERR_WORKER_INIT_FAILED: {
		reason: "could not be used: no thread could be started",
		hint: "Raise the limit (`ulimit -u`), or use fewer workers.",
	},
};

/** Returns whether a system error code means that the machine ran out of a resource. */
export function isResourceCode(code: string): boolean {
	return Object.hasOwn(resources, code);
}

/** Returns whether the machine, not the request, made an operation fail. */
export function isResourceError(error: unknown): boolean {
	return isResourceCode(errnoCode(error) ?? "");
}

/**
 * Returns the error for an exhausted machine; undefined for any other error.
 * @param what subject of the message: a path, a program
 */
export function resourceError(what: string, error: unknown): AgentvError | undefined {
	const isMemory = error instanceof RangeError && /out of memory|allocation failed/i.test(error.message);
	const code = isMemory ? "ENOMEM" : (errnoCode(error) ?? "");
	const known = Object.hasOwn(resources, code) ? resources[code] : undefined;
	if (!known) return undefined;
	return new AgentvError("not-runnable", `${what} ${known.reason} (${code})`, { hint: known.hint, cause: error });
}

/** Returns the code (`ENOENT`) of an error from Node's file system or process functions. */
export function errnoCode(error: unknown): string | undefined {
	const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
	return typeof code === "string" ? code : undefined;
}

/**
 * Returns an AgentvError for a file system error about `path`: `not-found` if it is missing,
 * `not-runnable` if the machine ran out of a resource, else `config`. An AgentvError is returned
 * unchanged.
 */
export function fileError(path: string, error: unknown): AgentvError {
	if (error instanceof AgentvError) return error;
	const outOf = resourceError(path, error);
	if (outOf) return outOf;
	const code = errnoCode(error);
	const kind: ErrorCode = code === "ENOENT" || code === "ENOTDIR" ? "not-found" : "config";
	const reason =
		(code && reasons[code]) ?? `could not be used: ${error instanceof Error ? error.message : String(error)}`;
	return new AgentvError(kind, `${path} ${reason}`, { cause: error });
}
