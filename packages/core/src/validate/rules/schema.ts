import { deprecatedChanges } from "../fix/edits.ts";
import { loadingRule, type Rule } from "../rule.ts";

export const documentRules: readonly Rule[] = [
	loadingRule({
		id: "yaml.syntax",
		severity: "error",
		summary: "the file is not valid YAML, JSON or JSON Lines",
		docs: {
			why: "A file that does not parse contains no tests; everything after the invalid line is lost.",
			bad: `tests:
  - id: "one`,
			good: `tests:
  - id: "one"`,
			mend: "Fix the text at the marked position. In a JSONL file each line is one complete JSON value.",
		},
	}),
	loadingRule({
		id: "yaml.limits",
		severity: "error",
		summary: "the file is too large, too deep, or expands too much through aliases or references",
		docs: {
			why: "Files beyond 10 MB, 100 levels or 1,000,000 values (with aliases expanded) are rejected, and so are references that insert more than 50,000,000 characters, so that no file can exhaust the machine.",
			bad: `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
# … and so on`,
			good: `tests: ./cases.jsonl`,
			mend: "Move large test data into a JSONL file and set its path under `tests`; use fewer aliases of large anchors.",
		},
	}),
	loadingRule({
		id: "schema.shape",
		severity: "error",
		summary: "a field has the wrong type or shape",
		docs: {
			why: "A field of the wrong shape is ignored, so the eval does not mean what its author intended.",
			bad: `threshold: high`,
			good: `threshold: 0.9`,
			mend: "Change the field to the shape in the message.",
		},
	}),
	loadingRule({
		id: "schema.unknown-field",
		severity: "warning",
		summary: "a field that the format does not define",
		docs: {
			why: "A misspelled field silently has no effect: the run uses a default instead.",
			bad: `treshold: 0.9`,
			good: `threshold: 0.9`,
			mend: "Fix the spelling, or move your own data to `metadata`.",
		},
	}),
	loadingRule({
		id: "schema.deprecated",
		severity: "warning",
		fixedBy: "migrate",
		summary: "a deprecated spelling of a field",
		docs: {
			why: "Deprecated spellings still load, but readers and editors only know the current ones.",
			bad: `evaluators:
  - type: code_judge
    script: ./check.sh`,
			good: `assertions:
  - type: code-grader
    command: ./check.sh`,
			mend: "Use the spelling in the message; `agentv eval validate --migrate` rewrites fields that were only renamed.",
		},
		fix: deprecatedChanges,
	}),
	loadingRule({
		id: "schema.conflict",
		severity: "error",
		summary: "two spellings of one field",
		docs: {
			why: "Only one of them would be used; the other one's graders, tests or settings would have no effect.",
			bad: `assertions:
  - { type: contains, value: hello }
evaluators:
  - { type: contains, value: world }`,
			good: `assertions:
  - { type: contains, value: hello }
  - { type: contains, value: world }`,
			mend: "Move everything to the current spelling, which the message shows first.",
		},
	}),
	loadingRule({
		id: "schema.unsupported",
		severity: "error",
		summary: "a known field that is not supported (a warning if it does not affect results)",
		docs: {
			why: "The run would not do what the eval specifies.",
			bad: `workspace:
  docker: { image: node:22 }`,
			good: `workspace:
  template: ./workspace`,
			mend: "Use the alternative in the message, or remove the field.",
		},
	}),
];
