import { AgentvError, type ErrorCode } from "../../base/agentv-error.ts";

const reasons: Readonly<Record<string, string>> = {
	ENOENT: "does not exist",
	ENOTDIR: "lies below something that is not a directory",
	EISDIR: "is a directory, not a file",
	EACCES: "is not accessible: permission denied",
	EPERM: "is not accessible: operation not permitted",
	EROFS: "lies on a read-only file system",
	ENOSPC: "could not be written: no space left",
	EDQUOT: "could not be written: the disk quota is used up",
	ELOOP: "is a circle of symbolic links",
	ENAMETOOLONG: "is too long a name",
	EEXIST: "exists already",
	ENOTEMPTY: "is not empty",
	EMFILE: "could not be opened: too many open files",
	ENFILE: "could not be opened: too many open files",
};

/** The code (`ENOENT`) of an error that Node's file system or process functions threw, or undefined. */
export function errnoCode(error: unknown): string | undefined {
	const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
	return typeof code === "string" ? code : undefined;
}

/**
 * The AgentvError that says in a sentence what the operating system answered about `path`: `not-found` when it is
 * missing, else `config`. An AgentvError passes through unchanged.
 */
export function fileError(path: string, error: unknown): AgentvError {
	if (error instanceof AgentvError) return error;
	const code = errnoCode(error);
	const kind: ErrorCode = code === "ENOENT" || code === "ENOTDIR" ? "not-found" : "config";
	const reason =
		(code && reasons[code]) ?? `could not be used: ${error instanceof Error ? error.message : String(error)}`;
	return new AgentvError(kind, `${path} ${reason}`, { cause: error });
}
