// One process runs this module from beforeAll to afterAll, so module variables keep their values.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

let issued = 0;
const open = new Set();

/** Runs once, on the prepared workspace of which each test gets a copy. */
export function beforeAll({ workspace_path }) {
	const words = ["alpha", "beta", "gamma"];
	writeFileSync(join(workspace_path, "catalogue.json"), JSON.stringify(words));
	return { provider_context: { catalogue: "catalogue.json" } };
}

/** Runs before each test; its result is passed to the target and the result's metadata. */
export function beforeEach({ workspace_path, test_id, case_metadata }, { hookName }) {
	issued += 1;
	const token = `token-${issued}`;
	open.add(test_id);
	writeFileSync(join(workspace_path, "word.txt"), case_metadata.word);
	return { provider_context: { token }, metadata: { prepared_by: hookName, token } };
}

export function afterEach({ test_id }) {
	if (!open.delete(test_id)) throw new Error(`${test_id} was never opened`);
}

export function afterAll() {
	if (open.size > 0) throw new Error(`still open: ${[...open].join(", ")}`);
}
