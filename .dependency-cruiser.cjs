// The import rules of the house. Each one's comment says what to do instead; scripts/layers.test.ts plants a
// violation of every rule and expects it to be reported under its name.

const core = "^packages/core/src";
const tests = "\\.test\\.tsx?$|/test/|/testing/";
const features = "sync|validate|bundle|run|results|maintenance";
/** Files that a child process or worker starts with: each is an entry point of its own. */
const entryPoints = "-(host|worker)\\.(ts|mjs)$|^apps/cli/src/bin\\.ts$|^apps/studio/server/start\\.ts$";
const machinePackages = "execa|simple-git|write-file-atomic|proper-lockfile|tinyglobby|cross-spawn";

/** A block of core may import only the blocks named in `allowed` (and itself); `also` is a pattern of extra files. */
function block(name, allowed, instead, also = []) {
	return {
		name: `${name}-imports-only-below`,
		comment: `${name} may import ${allowed.length === 0 ? "no other folder" : allowed.join(", ")}: ${instead}`,
		severity: "error",
		from: { path: `${core}/${name}/`, pathNot: tests },
		to: {
			path: `${core}/`,
			pathNot: [`${core}/(${[name, ...allowed].join("|")})/`, ...also],
		},
	};
}

/** Files of one folder of equals never import each other; the folder's index.ts lists them. */
function siblings(name, folder) {
	return {
		name: `${name}-stand-alone`,
		comment: `One of the ${name} imports another: move what both need up into the folder above.`,
		severity: "error",
		from: { path: `^(${folder})/`, pathNot: [tests, "/index\\.ts$"] },
		to: { path: "^$1/", pathNot: "/testing/" },
	};
}

/** Lists of plug-ins: what each says about itself (its settings, its keys) is known everywhere. */
const catalogues = `${core}/(targets/providers|grading/graders)/index\\.ts$`;
const plugins = `${core}/(targets/providers|grading/graders)/`;

const below = ["lib", "format", "machine", "eval"];

module.exports = {
	forbidden: [
		{
			name: "no-cycles",
			comment: "These files import each other: move the shared part into a third file below both.",
			severity: "error",
			from: {},
			to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only", "dynamic-import"] } },
		},
		{
			name: "no-cycles-of-types",
			comment:
				"These files import each other's types: move the shared part into a third file below both. Only the definition of a plug-in may name types of code that uses its list.",
			severity: "error",
			from: {},
			to: { circular: true, viaOnly: { pathNot: plugins } },
		},
		{
			name: "resolvable",
			comment:
				"This import can't be resolved: correct the path, or declare the package in this workspace's package.json.",
			severity: "error",
			from: {},
			to: { couldNotResolve: true },
		},
		block("lib", [], "pass what it needs as an argument, or move the file to the block that may import it."),
		{
			name: "lib-is-pure",
			comment: "lib runs anywhere, a browser included: do the I/O in machine and hand lib plain values.",
			severity: "error",
			from: { path: `${core}/lib/`, pathNot: tests },
			to: { dependencyTypes: ["core"] },
		},
		block("format", ["lib"], "format states the file formats; put what reads files into eval.", [catalogues]),
		{
			name: "format-needs-zod-only",
			comment: "format uses zod and nothing else: put code that needs a package or Node into eval or machine.",
			severity: "error",
			from: { path: `${core}/format/`, pathNot: tests },
			to: { dependencyTypes: ["core", "npm", "npm-dev"], pathNot: "/zod/" },
		},
		block("machine", ["lib"], "a door to the machine knows no format; let eval give it plain values."),
		block(
			"eval",
			below.slice(0, 3),
			"what a file means does not depend on what is done with it; move this into the feature.",
			[catalogues],
		),
		{
			name: "plugins-load-first",
			comment:
				"Code that uses the lists of plug-ins is not loaded yet when a plug-in is: import its types, or import it when it is needed with `await import()`.",
			severity: "error",
			from: { path: `${core}/(targets|grading/graders)/`, pathNot: [tests, `${core}/targets/check-command\\.ts$`] },
			to: {
				path: `${core}/(eval/|targets/check-command\\.ts$)`,
				pathNot: `${core}/eval/(command|read-shape)\\.ts$`,
				dynamic: false,
				dependencyTypesNot: ["type-only"],
			},
		},
		block("workspace", below, "hand the workspace what it needs as an argument; run composes the blocks."),
		block("targets", below, "hand the target what it needs as an argument; run composes the blocks."),
		block(
			"grading",
			below,
			"hand the grader what it needs (a target, a workspace path) as an argument; run composes the blocks.",
			[`${core}/targets/(target|contract|target-contract)\\.ts$`, catalogues],
		),
		{
			name: "features-stand-apart",
			comment:
				"A feature imports another: let the command or the route compose them, or move the shared part into eval.",
			severity: "error",
			from: { path: `${core}/(${features})/`, pathNot: tests },
			to: { path: `${core}/(${features})/`, pathNot: `${core}/$1/` },
		},
		{
			name: "front-door-is-for-others",
			comment: "Inside core, import the module itself: index.ts is the door for other packages.",
			severity: "error",
			from: { path: `${core}/.+`, pathNot: [tests, `${core}/index\\.ts$`] },
			to: { path: `${core}/index\\.ts$` },
		},
		{
			name: "core-knows-no-app",
			comment: "core is the library of the apps: give the app a function to pass in instead.",
			severity: "error",
			from: { path: "^packages/" },
			to: { path: "^apps/" },
		},
		siblings("rules", `${core}/validate/rules`),
		siblings("graders", `${core}/grading/graders`),
		siblings("targets", `${core}/targets/providers`),
		siblings("commands", "^apps/cli/src/commands"),
		siblings("routes", "^apps/studio/server/routes"),
		{
			name: "apps-use-the-front-door",
			comment: "Apps import `@agentv/core`, nothing inside it: export the function from packages/core/src/index.ts.",
			severity: "error",
			from: { path: "^apps/" },
			to: { path: "^packages/core/", pathNot: "^packages/core/(src/index\\.ts|dist/index\\.(js|d\\.ts))$" },
		},
		{
			name: "studio-behind-its-command",
			comment:
				"Of the CLI, only commands/studio.ts reaches Studio's server, and exporters/formats.ts its export of a run.",
			severity: "error",
			from: { path: "^apps/cli/src/", pathNot: [tests, "^apps/cli/src/(commands/studio|exporters/formats)\\.ts$"] },
			to: { path: "^apps/studio/" },
		},
		{
			name: "studio-loads-lazily",
			comment: 'Load Studio with `await import("@agentv/studio/server")`, so that no other command pays for it.',
			severity: "error",
			from: { path: "^apps/cli/src/" },
			to: { path: "^apps/studio/", dynamic: false, dependencyTypesNot: ["type-only"] },
		},
		{
			name: "studio-knows-no-cli",
			comment: "Studio is used by the CLI: move what both need into core.",
			severity: "error",
			from: { path: "^apps/studio/" },
			to: { path: "^apps/cli/" },
		},
		{
			name: "client-takes-types-only",
			comment: "The client runs in a browser: `import type` from the server, and ask it over HTTP for values.",
			severity: "error",
			from: { path: "^apps/studio/client/", pathNot: tests },
			to: { path: "^apps/studio/server/|^packages/core/", dependencyTypesNot: ["type-only"] },
		},
		{
			name: "machine-behind-its-door",
			comment:
				"Only machine (and the few entry points) touches files and processes: call a function of packages/core/src/machine.",
			severity: "error",
			from: {
				path: "^(packages/core/src|apps/[^/]+/(src|server|client))/",
				pathNot: [tests, `${core}/machine/`, entryPoints],
			},
			to: {
				dependencyTypes: ["core"],
				path: "^(node:)?(fs|fs/promises|child_process|worker_threads|process|os)$",
			},
		},
		{
			name: "machine-packages-behind-its-door",
			comment:
				"Packages that touch files or start processes are used by packages/core/src/machine only: call its function.",
			severity: "error",
			from: { path: "^(packages/core/src|apps/[^/]+/(src|server|client))/", pathNot: [tests, `${core}/machine/`] },
			to: { path: `node_modules/(${machinePackages})/` },
		},
		{
			name: "test-support-in-tests-only",
			comment: "@agentv/test-support is for tests: move what the product needs into core.",
			severity: "error",
			from: { path: "^(packages/core|apps)/", pathNot: [tests, "/testing/"] },
			to: { path: "^packages/test-support/" },
		},
		{
			name: "tests-are-not-imported",
			comment: "Product code imports a test: move the shared part out of the test file.",
			severity: "error",
			from: { path: "^(packages|apps)/", pathNot: tests },
			to: { path: "\\.test\\.tsx?$" },
		},
	],
	options: {
		tsPreCompilationDeps: true,
		tsConfig: { fileName: "tsconfig.base.json" },
		doNotFollow: { path: "node_modules" },
		exclude: { path: "(^|/)(dist|fixtures)/" },
		enhancedResolveOptions: {
			exportsFields: ["exports"],
			conditionNames: ["agentv-source", "import", "node", "types", "default"],
			extensions: [".ts", ".tsx", ".mts", ".js", ".mjs", ".cjs", ".json", ".d.ts"],
		},
	},
};
