export { type BundleOptions, type BundlePlan, describeBundle } from "./bundle/bundle-plan.ts";
export { planBundle } from "./bundle/plan-bundle.ts";
export { archiveBundle, type BundleProgress, judgeArchive, streamArchive, writeBundle } from "./bundle/write-bundle.ts";
export {
	type BundleVerification,
	listBundle,
	readManifest,
	renderManifest,
	verifyBundle,
} from "./eval/bundle-manifest.ts";
export { executedCommands } from "./eval/command-files.ts";
export {
	benchmarkOfFile,
	discoverEvals,
	findEvals,
	findScope,
	isEvalName,
	readRunFile,
	readSummary,
	resolveBenchmarkPaths,
} from "./eval/discover-evals.ts";
export type { LoadedEval, Suite } from "./eval/eval-types.ts";
export { evalEnvironment, type LoadOptions, loadEval } from "./eval/load-eval.ts";
export { loadTargets, type TargetScope } from "./eval/load-targets.ts";
export { type LocatedFinding, locateFindings } from "./eval/read-shape.ts";
export {
	addBenchmark,
	findEntry,
	type Registry,
	type RegistryEntry,
	readRegistry,
	registryFile,
	removeBenchmark,
	type WrittenEntry,
} from "./eval/registry.ts";
export { resolvedTargets, type TargetUse, targetDestination, usedTargets } from "./eval/resolve-target.ts";
export { readAttempt, removeTrust } from "./eval/run-digest.ts";
export { type DiskView, openDiskView } from "./eval/source.ts";
export {
	benchmarkSubject,
	bundleSubject,
	grantTrust,
	newAccessFindings,
	planTrust,
	refuseNewAccess,
	shownSubject,
	type TrustPlan,
	type TrustSubject,
} from "./eval/trust.ts";
export { collectReferences } from "./eval/visit.ts";
export type { BundleManifest } from "./format/bundle-manifest.ts";
export { encode, recordToWire, toWire, type Wire } from "./format/codec.ts";
export {
	type Difference,
	type FormatName,
	formatNames,
	jsonSchemaOf,
	type RunVerification,
	verificationSchema,
} from "./format/json-schema.ts";
export {
	type AttemptFile,
	type AttemptRecord,
	attemptFileSchema,
	fingerprintParts,
	provenanceSchema,
	type ResultRow,
	type RowScore,
	type RunFile,
	type RunSummary,
	type TableRow,
	type TableRowRecord,
	tableRowSchema,
	toWireRow,
	toWireSummary,
} from "./format/run-file.ts";
export { ruleLevels } from "./format/target-file.ts";
export { sumCosts } from "./grading/contract.ts";
export {
	attemptStatuses,
	type CaseOutcome,
	caseOutcomes,
	outcomeWords,
	type PlannedRun,
	passRate,
	RunTally,
	SummaryBuilder,
	scoreMean,
	type Tallied,
	type TargetTally,
	tallyOf,
	testsNotRun,
} from "./grading/outcomes.ts";
export { codeFrame, neutral, terminalSafe, terminalSafeLine } from "./lib/code-frame.ts";
export { AgentvError, type Diagnostic, type ErrorCode, exitCodes, type Place, type Severity } from "./lib/errors.ts";
export { redactUrl } from "./lib/git-url.ts";
export { matchesGlob } from "./lib/glob.ts";
export { createOutputRedactor, createRedactor, type Redactor, redactJson, secretsIn, secretsOf } from "./lib/redact.ts";
export { redacted } from "./lib/secret-shapes.ts";
export {
	type BoundedMean,
	boundedMeanText,
	formatBytes,
	formatDuration,
	nearestName,
	plural,
	safeName,
} from "./lib/text.ts";
export { listDirectory } from "./machine/directories.ts";
export { agentvHome, type Environment, expandHome, refuseUnusableHome } from "./machine/environment.ts";
export {
	directoryEntries,
	fileStamp,
	isInside,
	pathKind,
	realPath,
	resourceError,
	targetKind,
} from "./machine/files.ts";
export { findFiles } from "./machine/find-files.ts";
export { repositoryRoot } from "./machine/git-repository.ts";
export { type Connection, isOfAnotherUser, openInBrowser } from "./machine/http.ts";
export { readBytes, readTextFile } from "./machine/read-file.ts";
export { writeAllOrNone } from "./machine/write-file.ts";
export { examine } from "./maintenance/doctor.ts";
export { type DoctorGroup, type DoctorItem, doctorGroups } from "./maintenance/doctor-checks.ts";
export {
	type CacheItem,
	type CacheKind,
	cacheKinds,
	type KeptItem,
	type PruneResult,
	pruneCache,
} from "./maintenance/prune-cache.ts";
export { type CaseScore, type ComparedRun, type Renamed, readComparedRun } from "./results/case-scores.ts";
export {
	type ComparedCase,
	type ComparedPart,
	type Comparison,
	comparedCaseRecord,
	comparedCases,
	comparedRunRecord,
	compareRuns,
	comparisonFigures,
	describeDifference,
	describeLowered,
	describeSmallestEffect,
	differenceText,
	type FingerprintPart,
	isLowered,
	signed,
} from "./results/compare-runs.ts";
export { type Missing, type MissingTest, mergeProblemText } from "./results/merge-checks.ts";
export { type Merge, mergeRuns } from "./results/merge-runs.ts";
export {
	findRuns,
	headRecord,
	isFinished,
	lastRunOf,
	listRuns,
	type OpenRun,
	openRun,
	type RunHead,
	type RunReading,
	type RunState,
	readRecordHead,
	readRun,
	resolveRun,
	resolveRuns,
	runState,
} from "./results/read-run.ts";
export { type PassRate, RunStore, type RunTable, turns } from "./results/run-store.ts";
export { signRun, verifyRun } from "./results/verify-run.ts";
export type { AttemptName, RunEvent, RunOutcome } from "./run/attempt.ts";
export { type ShardBudget, shardBudgets } from "./run/call-cache.ts";
export { checkPlannedSchemas } from "./run/observe-run.ts";
export { describePlan, type PlanDescription, planRun } from "./run/plan-run.ts";
export { isUnbegun } from "./run/run-directory.ts";
export { type RunOptions, recordAnswers, runEvals } from "./run/run-evals.ts";
export type { RunPlan } from "./run/run-plan.ts";
export { originRequest, type RunMachine, type RunRequest, resumedRequest } from "./run/run-request.ts";
export { shardSizes } from "./run/shards.ts";
export {
	type BenchmarkReport,
	type BenchmarkReports,
	type LastSync,
	readState as readLastSync,
} from "./sync/benchmark-report.ts";
export { benchmarkStatus, listBenchmarks } from "./sync/benchmark-status.ts";
export type { SyncChanges, SyncEvent, SyncOptions, SyncOutcome, SyncPlan, SyncResult } from "./sync/make-plan.ts";
export { planSync, sync } from "./sync/sync.ts";
export { unifiedDiff } from "./validate/fix/edited-files.ts";
export {
	applyFixes,
	type FixOptions,
	type FixPlan,
	type OfferedEdit,
	offeredEdits,
	planFixes,
} from "./validate/fix/plan-fixes.ts";
export type { FixWhen } from "./validate/rule.ts";
export { parseRuleLevels, type RuleDoc, ruleDoc, ruleDocs } from "./validate/rules.ts";
export {
	type EvalValidation,
	findingRecord,
	type ValidateOptions,
	type ValidationFinding,
	validateEvals,
} from "./validate/validate-evals.ts";
