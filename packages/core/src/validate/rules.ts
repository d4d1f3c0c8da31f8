import type { Rule } from "./rule.ts";
import { assertionsFieldPath } from "./rules/assertions-field-path.ts";
import { assertionsJsonSchema } from "./rules/assertions-json-schema.ts";
import { assertionsPromptVariable } from "./rules/assertions-prompt-variable.ts";
import { assertionsRegex } from "./rules/assertions-regex.ts";
import { assertionsUnknownType } from "./rules/assertions-unknown-type.ts";
import { assertionsWeight } from "./rules/assertions-weight.ts";
import { envMalformed } from "./rules/env-malformed.ts";
import { envUndocumented } from "./rules/env-undocumented.ts";
import { extensionsMissingExport } from "./rules/extensions-missing-export.ts";
import { extensionsProvisionsRepo } from "./rules/extensions-provisions-repo.ts";
import { gitDirty } from "./rules/git-dirty.ts";
import { gitNoRepo } from "./rules/git-no-repo.ts";
import { pathAbsolute } from "./rules/path-absolute.ts";
import { pathBackslash } from "./rules/path-backslash.ts";
import { pathCase } from "./rules/path-case.ts";
import { pathMissingRule } from "./rules/path-missing.ts";
import { pathNotExecutable } from "./rules/path-not-executable.ts";
import { pathOpaque } from "./rules/path-opaque.ts";
import { pathOutsideEval } from "./rules/path-outside-eval.ts";
import { pathOutsideRepo } from "./rules/path-outside-repo.ts";
import { pathParentSearch } from "./rules/path-parent-search.ts";
import { pathSymlinkEscape } from "./rules/path-symlink-escape.ts";
import { pathUntracked } from "./rules/path-untracked.ts";
import { promptClaimsChange } from "./rules/prompt-claims-change.ts";
import { promptCommitWithoutRepo } from "./rules/prompt-commit-without-repo.ts";
import { promptNeedsRemote } from "./rules/prompt-needs-remote.ts";
import { reposLocalPath } from "./rules/repos-local-path.ts";
import { reposUnpinned } from "./rules/repos-unpinned.ts";
import { schemaConflict } from "./rules/schema-conflict.ts";
import { schemaDeprecated } from "./rules/schema-deprecated.ts";
import { schemaShape } from "./rules/schema-shape.ts";
import { schemaUnknownField } from "./rules/schema-unknown-field.ts";
import { schemaUnsupported } from "./rules/schema-unsupported.ts";
import { targetsCircular } from "./rules/targets-circular.ts";
import { targetsEmptyCredential } from "./rules/targets-empty-credential.ts";
import { targetsEnvChosen } from "./rules/targets-env-chosen.ts";
import { targetsLiteralSecret } from "./rules/targets-literal-secret.ts";
import { targetsNotLocal } from "./rules/targets-not-local.ts";
import { targetsUndefined } from "./rules/targets-undefined.ts";
import { testsDependsOn } from "./rules/tests-depends-on.ts";
import { testsDuplicateId } from "./rules/tests-duplicate-id.ts";
import { testsEmpty } from "./rules/tests-empty.ts";
import { testsIncomplete } from "./rules/tests-incomplete.ts";
import { varsUnknown } from "./rules/vars-unknown.ts";
import { yamlLimits } from "./rules/yaml-limits.ts";
import { yamlSyntax } from "./rules/yaml-syntax.ts";

/** Every rule, in the order of the docs. A new rule is its file, its two trees in the command's tests, and its line here. */
export const rules: readonly Rule[] = [
	...[yamlSyntax, yamlLimits, schemaShape, schemaUnknownField, schemaDeprecated, schemaConflict, schemaUnsupported],
	...[pathAbsolute, pathMissingRule, pathParentSearch, pathOutsideEval, pathOutsideRepo, pathCase, pathBackslash],
	...[pathNotExecutable, pathUntracked, pathOpaque, pathSymlinkEscape],
	...[
		targetsUndefined,
		targetsNotLocal,
		targetsCircular,
		targetsEnvChosen,
		targetsLiteralSecret,
		targetsEmptyCredential,
	],
	...[envUndocumented, envMalformed, varsUnknown],
	...[gitNoRepo, gitDirty, reposUnpinned, reposLocalPath],
	...[testsDuplicateId, testsIncomplete, testsDependsOn, testsEmpty],
	...[assertionsUnknownType, assertionsRegex, assertionsWeight, assertionsPromptVariable],
	...[assertionsJsonSchema, assertionsFieldPath],
	...[extensionsMissingExport, extensionsProvisionsRepo],
	...[promptNeedsRemote, promptClaimsChange, promptCommitWithoutRepo],
];

export function findRule(id: string): Rule | undefined {
	return rules.find((rule) => rule.id === id);
}
