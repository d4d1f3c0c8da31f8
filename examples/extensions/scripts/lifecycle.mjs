// One process runs this module from beforeAll to afterAll, so what it keeps in variables stays.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

let issued = 0;
const open = new Set();

/** Once a run, on the prepared workspace that each test gets a copy of. */
export function beforeAll({ workspace_path }) {
	const words = ["alpha", "beta", "gamma"];
	writeFileSync(join(workspace_path, "catalogue.json"), JSON.stringify(words));
	return { provider_context: { catalogue: "catalogue.json" } };
}

/** Before each test: what it returns reaches the target, and the result's metadata. */
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
