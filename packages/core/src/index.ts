export { AgentvError, type AgentvErrorOptions, type ErrorCode, exitCodes } from "./base/agentv-error.ts";
export { type BoundedMean, boundedMeanText, boundText } from "./base/bounded-mean.ts";
export { formatBytes } from "./base/bytes.ts";
export { type CodeFrameOptions, codeFrame } from "./base/code-frame.ts";
export { type Diagnostic, type DocumentPath, hasErrors, type Place, type Severity } from "./base/diagnostic.ts";
export { characterWidth } from "./base/display-line.ts";
export { formatDuration } from "./base/duration.ts";
export { redactUrl } from "./base/git-credentials.ts";
export { matchesGlob } from "./base/glob-text.ts";
export { type InterpolationResult, interpolateEnv, type VariableUse } from "./base/interpolate.ts";
export { nearestName } from "./base/nearest.ts";
export { createOutputRedactor } from "./base/noted-secrets.ts";
export { createRedactor, type Redactor, redactJson, redactText, secretsIn, secretsOf } from "./base/redact.ts";
export { isSecretName } from "./base/secret-names.ts";
export { redacted } from "./base/secret-shapes.ts";
export { safeName } from "./base/slug.ts";
export { neutral, terminalSafe, terminalSafeLine } from "./base/terminal-safe.ts";
export type { SourceRange } from "./base/yaml-document.ts";
export { archiveBundle, judgeArchive } from "./bundle/archive-bundle.ts";
export type { BundleOptions } from "./bundle/bundle-options.ts";
export type { BundlePlan } from "./bundle/bundle-plan.ts";
export { type BundleDescription, describeBundle } from "./bundle/describe-bundle.ts";
export { planBundle } from "./bundle/plan-bundle.ts";
export { type ArchiveStream, streamArchive } from "./bundle/stream-archive.ts";
export { type BundleProgress, writeBundle } from "./bundle/write-bundle.ts";
export { sumCosts } from "./grading/add-costs.ts";
export {
	attemptStatuses,
	type CaseOutcome,
	caseOutcomes,
	outcomeWords,
	type PlannedRun,
} from "./grading/case-outcomes.ts";
export { passRate, SummaryBuilder, scoreMean } from "./grading/run-summary.ts";
export { RunTally, type Tallied, type TargetTally, tallyOf, testsNotRun } from "./grading/run-tally.ts";
export { agentvHome, type Environment, expandHome } from "./io/environment.ts";
export { directoryEntries } from "./io/files/directory-entries.ts";
export { resourceError } from "./io/files/file-error.ts";
export { fileStamp } from "./io/files/file-stamp.ts";
export { type FindOptions, type FoundFiles, findFiles } from "./io/files/find-files.ts";
export { listDirectory } from "./io/files/list-directory.ts";
export { isInside } from "./io/files/path-inside.ts";
export { readTextFile } from "./io/files/read-text.ts";
export { pathKind, realPath, targetKind } from "./io/files/stat-path.ts";
export { type FileChange, writeAllOrNone } from "./io/files/write-files-together.ts";
export { repositoryRoot } from "./io/git/repository.ts";
export { openInBrowser } from "./io/open-in-browser.ts";
export { refuseUnusableHome } from "./io/refuse-unusable-home.ts";
export { type Connection, isOfAnotherUser } from "./io/socket-peer.ts";
export { type BenchmarkPaths, benchmarkOfFile, resolveBenchmarkPaths } from "./model/benchmark-paths.ts";
export { listBundle } from "./model/bundle-digest.ts";
export { newAccessFindings, refuseNewAccess, shownSubject } from "./model/consent.ts";
export { discoverEvals, isEvalName } from "./model/discover-evals.ts";
export { type DiskView, openDiskView } from "./model/disk-view.ts";
export { evalEnvironment } from "./model/eval-environment.ts";
export { type EvalScope, findScope } from "./model/eval-scope.ts";
export type { LoadedEval, Suite, TestCase } from "./model/eval-types.ts";
export { type ExecutedCommand, executedCommands } from "./model/executed-commands.ts";
export { findEvals } from "./model/find-evals.ts";
export { type LoadOptions, loadEval } from "./model/load-eval.ts";
export { loadTargets, type TargetScope } from "./model/load-targets.ts";
export { type LocatedFinding, locateFindings } from "./model/locate-findings.ts";
export { readManifest, renderManifest } from "./model/manifest.ts";
export { portableRoot } from "./model/portable-root.ts";
export { readAttempt, readRecordText } from "./model/record-files.ts";
export type { Reference, References } from "./model/reference.ts";
export { collectReferences } from "./model/references.ts";
export { type Registry, type RegistryEntry, readRegistry, registryFile } from "./model/registry.ts";
export {
	type AddBenchmarkOptions,
	addBenchmark,
	findEntry,
	type RemovedEntry,
	removeBenchmark,
	type WrittenEntry,
} from "./model/registry-edit.ts";
export { type ResolvedTarget, resolveTarget } from "./model/resolve-target.ts";
export { readRunFile, readSummary } from "./model/result-files.ts";
export type { ResultsMachine } from "./model/run-roots.ts";
export { type TargetDestination, targetDestination } from "./model/target-destination.ts";
export { grantTrust, planTrust, type TrustPlan } from "./model/trust.ts";
export { removeTrust } from "./model/trust-record.ts";
export { benchmarkSubject, bundleSubject, type TrustSubject } from "./model/trust-subjects.ts";
export { defaultTarget, resolvedTargets, type TargetUse, usedTargets } from "./model/used-targets.ts";
export { type BundleProblem, type BundleVerification, verifyBundle } from "./model/verify-bundle.ts";
export { shownSource } from "./model/written-source.ts";
export type { CaseScore } from "./results/case-scores.ts";
export {
	type ChangedCase,
	type ComparableCase,
	type Comparison,
	compareRuns,
	type FingerprintPart,
} from "./results/compare-runs.ts";
export { type ComparedRun, readComparedRun } from "./results/compared-run.ts";
export {
	describeDifference,
	describeLowered,
	describeSmallestEffect,
	isLowered,
	signed,
} from "./results/describe-difference.ts";
export { type FoundRun, findRuns } from "./results/find-runs.ts";
export type { ListRunsOptions, RunList, RunListItem } from "./results/list-runs.ts";
export { listRuns } from "./results/list-runs.ts";
export type { Missing, MissingTest } from "./results/merge/find-missing.ts";
export { type MergeProblem, mergeProblemText } from "./results/merge/merge-problem.ts";
export { type Merge, mergeRuns, type NamedRun } from "./results/merge/merge-runs.ts";
export type { AttemptId, OpenRun, RunReading, TestResultReading } from "./results/read-run.ts";
export { openRun, readRun, readTestResult } from "./results/read-run.ts";
export { lastRunOf, resolveRun, resolveRuns } from "./results/resolve-run.ts";
export { isFinished } from "./results/run-state.ts";
export { isRunUnderWay, readRecordHead, readRunTable, runStamps, type TableRow } from "./results/run-table.ts";
export type { Difference, RunVerification } from "./results/run-verification.ts";
export { signRun } from "./results/sign-run.ts";
export type { RecordedRow, StoredRows } from "./results/stored-rows.ts";
export { type VerifyOptions, verifyRun } from "./results/verify-run.ts";
export { type ShardBudget, shardBudgets } from "./run/budgets.ts";
export { checkPlannedSchemas } from "./run/check-plan.ts";
export { describePlan, type PlanDescription } from "./run/describe-plan.ts";
export { planRun } from "./run/plan-run.ts";
export { shardSizes } from "./run/plan-shard.ts";
export { type RecordedAnswers, recordAnswers } from "./run/record-answers.ts";
export { originRequest, resumedRequest } from "./run/request-flags.ts";
export { isUnbegun } from "./run/run-directory.ts";
export { type RunOptions, runEvals } from "./run/run-evals.ts";
export type { AttemptName, RunEvent, RunOutcome } from "./run/run-events.ts";
export type { PlannedCase, RunPlan } from "./run/run-plan.ts";
export type { RunMachine, RunRequest } from "./run/run-request.ts";
export type { AttemptFile } from "./schema/attempt-file.ts";
export type { BundleManifest } from "./schema/bundle-manifest.ts";
export type { ComparisonDocument } from "./schema/compare-output.ts";
export { ruleLevels } from "./schema/config-file.ts";
export { type FormatName, formatNames } from "./schema/format-names.ts";
export { jsonSchemaOf } from "./schema/json-schema.ts";
export type { ErrorCause, ExecutionStatus, ResultRow, RowScore, RunSummary } from "./schema/result-row.ts";
export { fingerprintParts, toWireRow, toWireSummary } from "./schema/result-row.ts";
export type { PlannedTargetRecord, RunFile } from "./schema/run-file.ts";
export type {
	BenchmarkReport,
	BenchmarkReports,
	LastSync,
	Revision,
	RevisionState,
	ShownSource,
	WorkTree,
	WorkTreeState,
} from "./sync/benchmark-report.ts";
export { benchmarkStatus, listBenchmarks } from "./sync/benchmark-status.ts";
export { planSync } from "./sync/plan-sync.ts";
export { readState as readLastSync } from "./sync/state-file.ts";
export type { StatusOptions } from "./sync/status-options.ts";
export { sync } from "./sync/sync.ts";
export type {
	ExecutableChange,
	SyncAction,
	SyncChanges,
	SyncEvent,
	SyncOptions,
	SyncOutcome,
	SyncPlan,
	SyncResult,
	TouchedEval,
} from "./sync/sync-types.ts";
export { type CacheItem, type CacheKind, cacheKinds } from "./upkeep/cache-item.ts";
export { type DoctorGroup, type DoctorItem, doctorGroups } from "./upkeep/doctor/doctor-item.ts";
export { type DoctorOptions, examine } from "./upkeep/doctor/examine.ts";
export type { KeptItem } from "./upkeep/plan-prune.ts";
export { type PruneOptions, type PruneResult, pruneCache } from "./upkeep/prune-cache.ts";
export type { EvalValidation, ValidationCheck, ValidationFinding } from "./validate/eval-result.ts";
export { applyFixes } from "./validate/fix/apply-fixes.ts";
export type { FixPlan, PlannedChange, PlannedFile } from "./validate/fix/fix-plan.ts";
export { type OfferedEdit, offeredEdits } from "./validate/fix/offered-edits.ts";
export { type FixOptions, planFixes } from "./validate/fix/plan-fixes.ts";
export { type DiffFile, unifiedDiff } from "./validate/fix/unified-diff.ts";
export type { FixWhen, RuleGroup } from "./validate/rule.ts";
export { type RuleDoc, ruleDoc, ruleDocs } from "./validate/rule-docs.ts";
export { parseRuleLevels, type RuleLevels } from "./validate/rule-levels.ts";
export { type ValidateOptions, validateEvals } from "./validate/validate-evals.ts";
