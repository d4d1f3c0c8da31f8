import { neutral } from "@agentv/core";

/** A test case of a suite. */
export interface JunitCase {
	readonly name: string;
	readonly seconds: number;
	/** Absent where it passed. */
	readonly problem?: JunitProblem;
}

/** `failure`: it was judged and failed; `error`: it was not graded; `skipped`: it was not run. */
export type JunitProblem =
	| {
			readonly kind: "failure" | "error";
			readonly type: string;
			readonly message: string;
			readonly text: string;
	  }
	| { readonly kind: "skipped"; readonly text: string };

export interface JunitSuite {
	/** Also the class name of its cases. */
	readonly name: string;
	readonly package: string;
	/** ISO 8601. */
	readonly timestamp: string;
	/** At least one. */
	readonly properties: Readonly<Record<string, string>>;
	/** As `junitCase` wrote them. */
	readonly cases: readonly string[];
	readonly failures: number;
	readonly errors: number;
	readonly skipped: number;
	readonly seconds: number;
	/** What was said beside the cases. */
	readonly output?: string;
}

/**
 * A JUnit document, piece by piece: of the strict schema of Apache Ant, of which that of Jenkins allows everything, so that every server
 * reads it. The strict one has no totals over all suites and no output of a single case; skipped cases, which Ant writes although an older
 * edition of that schema lacks them, only appear if there are any.
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
		// The schema's word for a machine that was not recorded.
		hostname: "localhost",
		...{ tests: String(cases.length), failures: String(failures), errors: String(errors), time: time(seconds) },
		...(skipped > 0 ? { skipped: String(skipped) } : {}),
	};
	return Object.entries(attributes)
		.map(([key, value]) => `${key}=${quoted(value)}`)
		.join(" ");
}

/** A case of a suite as text. */
export function junitCase({ name, seconds, problem }: JunitCase, className: string): string {
	// Joined, not concatenated: a text of many pieces holds on to each of them, and there may be a hundred thousand.
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
 * XML 1.0 has no way to write most control characters, nor lone surrogates: they become a replacement character, as does what reorders or
 * hides text. What a CI server that shows the document in its log takes for a command is written so that it takes it for none.
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
