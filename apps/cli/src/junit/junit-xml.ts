import { neutral } from "@agentv/core";

export interface JunitCase {
	readonly name: string;
	readonly seconds: number;
	/** Absent if it passed. */
	readonly problem?: JunitProblem;
}

/** `failure`: graded and failed; `error`: not graded; `skipped`: not run. */
export type JunitProblem =
	| {
			readonly kind: "failure" | "error";
			readonly type: string;
			readonly message: string;
			readonly text: string;
	  }
	| { readonly kind: "skipped"; readonly text: string };

export interface JunitSuite {
	/** Also the class name of the cases. */
	readonly name: string;
	readonly package: string;
	/** ISO 8601. */
	readonly timestamp: string;
	/** At least one. */
	readonly properties: Readonly<Record<string, string>>;
	/** Output of `junitCase`. */
	readonly cases: readonly string[];
	readonly failures: number;
	readonly errors: number;
	readonly skipped: number;
	readonly seconds: number;
	/** The suite's `system-out`. */
	readonly output?: string;
}

/**
 * Writes a JUnit document in pieces. It follows the strict schema of Apache Ant, which Jenkins and other servers also
 * accept: no totals over all suites, no output of single cases. `skipped` is only written if there are such cases,
 * because older editions of that schema lack it.
 */
export function* junitXml(suites: Iterable<JunitSuite>): Generator<string> {
	yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n';
	let id = 0;
	for (const suite of suites) {
		yield `  <testsuite ${suiteAttributes(suite, id)}>\n    <properties>\n`;
		for (const [name, value] of Object.entries(suite.properties))
			yield `      <property name=${quoted(name)} value=${quoted(value)}/>\n`;
		yield "    </properties>\n";
		for (const one of suite.cases) yield one;
		yield `    <system-out>${escaped(suite.output ?? "")}</system-out>\n    <system-err></system-err>\n  </testsuite>\n`;
		id += 1;
	}
	yield "</testsuites>\n";
}

function suiteAttributes(suite: JunitSuite, id: number): string {
	const { name, timestamp, cases, failures, errors, skipped, seconds } = suite;
	const attributes = {
		...{ name, package: suite.package, id: String(id) },
		timestamp: timestamp.slice(0, "2026-01-01T00:00:00".length),
		// The schema's value for an unknown host.
		hostname: "localhost",
		...{ tests: String(cases.length), failures: String(failures), errors: String(errors), time: time(seconds) },
		...(skipped > 0 ? { skipped: String(skipped) } : {}),
	};
	return Object.entries(attributes)
		.map(([key, value]) => `${key}=${quoted(value)}`)
		.join(" ");
}

export function junitCase({ name, seconds, problem }: JunitCase, className: string): string {
	// Joined, because a concatenated string retains its pieces, and there may be 100,000 cases.
	const start = ["    <testcase name=", quoted(name), " classname=", quoted(className), ' time="', time(seconds), '"'];
	if (!problem) return [...start, "/>\n"].join("");
	if (problem.kind === "skipped")
		return [...start, ">\n      <skipped>", escaped(problem.text), "</skipped>\n    </testcase>\n"].join("");
	const { kind, type, message, text } = problem;
	const opened = [">\n      <", kind, " type=", quoted(type), " message=", quoted(message), ">"];
	return [...start, ...opened, escaped(text), "</", kind, ">\n    </testcase>\n"].join("");
}

function time(seconds: number): string {
	return seconds.toFixed(3);
}

function quoted(text: string): string {
	return `"${escaped(text).replaceAll('"', "&quot;").replaceAll("\n", "&#10;").replaceAll("\t", "&#9;")}"`;
}

/**
 * Replaces characters that XML 1.0 can't contain (most control characters, lone surrogates) and those that reorder or
 * hide text. Also escapes what a CI server would execute as a command when it logs the document.
 */
function escaped(text: string): string {
	return neutral(text.replaceAll("\r\n", "\n"), () => "\ufffd")
		.replace(/\p{Surrogate}|[\ufffe\uffff]/gu, "\ufffd")
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replace(/^([^\S\n\r\u2028\u2029]*)::/gm, "$1&#58;:")
		.replace(/(##[a-z]*)\[/gi, "$1&#91;");
}
