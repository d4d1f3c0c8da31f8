import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export function isExecutable(file) {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

export function findOnPath(names) {
	const directories = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
	return names.flatMap((name) => directories.map((directory) => join(directory, name))).find(isExecutable);
}
