import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { finding, type Place } from "../lib/errors.ts";
import { locateFindings } from "./read-shape.ts";

function locate(at: Place) {
	const diagnostic = finding({ rule: "test", severity: "error", message: () => "wrong" }, {}, at);
	return locateFindings([diagnostic])[0];
}

describe("locateFindings", () => {
	it("finds a path in a YAML file", () => {
		const file = join(tempTree({ "a.eval.yaml": "name: x\ntests:\n  - id: first\n" }), "a.eval.yaml");
		expect(locate({ file, path: ["tests", 0, "id"] })?.range).toMatchObject({
			start: { line: 3, column: 9 },
			end: { line: 3, column: 14 },
		});
	});

	it("finds a malformed line of a JSONL file", () => {
		const file = join(tempTree({ "cases.jsonl": '{"id": "a"}\n{"id": \n' }), "cases.jsonl");
		expect(locate({ file, line: 2 })?.range).toEqual({
			start: { line: 2, column: 1, offset: 12 },
			end: { line: 2, column: 8, offset: 19 },
		});
	});

	it("returns no text and range for a finding in a deleted file", () => {
		const file = join(tempTree(), "gone.yaml");
		expect(locate({ file, path: [] })).toEqual({ diagnostic: expect.objectContaining({ rule: "test" }) });
	});
});
